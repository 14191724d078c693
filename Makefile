# What is more than `go test ./...`.

.PHONY: bench long museum strategies hunt page dist pgo

# Every target of docs/performance.md, and a table of them at the end. A garbage collector that runs beside the
# measurements would be measured too: hence GOGC.
bench: export GOGC = 400
bench:
	@cd bench && go test -run '^$$' -bench . -benchtime 1x ./bars ./gvisor 2>&1 | go run ./summary

# vmasim.pgo, by which Go can optimize the command: where the CPU time of each workload goes; and a vmasim built with it. Best on a machine that
# does nothing else. What it gains and costs stands in docs/performance.md.
pgo:
	rm -rf profiles && mkdir profiles
	go build -pgo=off -o profiles/vmasim ./cmd/vmasim
	for workload in fault-storm file-shared fork-cow mmap-churn mprotect-pingpong quickstart vma-per-thread; do \
		profiles/vmasim run $$workload --duration 5s --cpuprofile profiles/$$workload.pprof || exit; \
	done
	go tool pprof -proto profiles/*.pprof > vmasim.pgo
	rm -rf profiles
	go build -pgo=vmasim.pgo ./cmd/vmasim

# The tests, with those searches that go test leaves out.
long: export VMASIM_LONG = 1
long:
	go test -timeout 60m ./workloads/program

# The table of docs/museum.md that says how many executions each strategy takes to find each bug.
museum:
	go test ./workloads/program -run '^TestMuseumStrategies$$' -table -rewrite -table-executions 5000 -table-time 20s -timeout 30m

# The tables of docs/performance.md that say how many executions each strategy takes on each litmus test.
strategies:
	go test ./workloads/program -run '^TestTable$$' -table -rewrite -table-executions 5000 -table-time 1m -table-seeds 5 -timeout 90m

# The table of docs/generate.md that says how soon drawn programs find each rule. HUNTED names families or rules, for some rows only.
hunt:
	go test ./workloads/program -run '^TestHuntEachRule$$' -hunt 250 -hunted '$(HUNTED)' -rewrite -timeout 60m

# A vmasim that holds the engine for browsers, and the course that it makes: the folder can be put on any host of files.
page:
	go run ./cmd/vmasim page --keep-engine classroom/page
	go build -tags page ./cmd/vmasim
	./vmasim page --all -o course

# vmasim for every system, with the engine for browsers, and checksums: the same ones for the same commit and the same Go. The version and
# its date are those of the commit, unless they are given.
VERSION ?= $(shell git describe --tags --always --dirty)
DATE ?= $(shell git log -1 --format=%cs)
dist: export CGO_ENABLED = 0
dist: export GOFLAGS = -trimpath -buildvcs=false
dist:
	go run ./cmd/vmasim page --keep-engine classroom/page
	rm -rf dist
	for system in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64; do \
		name=dist/vmasim-$${system%/*}-$${system#*/}; case $$system in windows/*) name=$$name.exe;; esac; \
		GOOS=$${system%/*} GOARCH=$${system#*/} go build -tags page -ldflags='-s -X main.release=$(VERSION) -X main.released=$(DATE)' -o $$name ./cmd/vmasim || exit; \
	done
	cd dist && $$(command -v sha256sum || echo shasum -a 256) vmasim-* > SHA256SUMS
