# What is more than `go test ./...`.

.PHONY: bench museum

# Every target of docs/performance.md, and a table of them at the end. A garbage collector that runs beside the
# measurements would be measured too: hence GOGC.
bench: export GOGC = 400
bench:
	@cd bench && go test -run '^$$' -bench . -benchtime 1x ./bars ./gvisor 2>&1 | go run ./summary

# The table of docs/museum.md that says how many executions each strategy takes to find each bug.
museum:
	go test ./workloads/program -run '^TestMuseumStrategies$$' -table -rewrite -table-executions 5000 -table-time 20s -timeout 30m
