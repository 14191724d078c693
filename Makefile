# What is more than `go test ./...`.

.PHONY: bench

# Every target of docs/performance.md, and a table of them at the end. A garbage collector that runs beside the
# measurements would be measured too: hence GOGC.
bench: export GOGC = 400
bench:
	@cd bench && go test -run '^$$' -bench . -benchtime 1x ./bars ./gvisor 2>&1 | go run ./summary
