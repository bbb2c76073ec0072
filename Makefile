# podpath: what there is to do, by name. `make` alone lists the targets.

SHELL      := bash
GO         ?= go
SHARED     ?= ../shared
TESTFLAGS  ?=
FUZZTIME   ?= 60s
BENCH      ?= .
COSTS      ?= costs.json
SUDO       := $(shell [ "$$(id -u)" = 0 ] || command -v sudo)
ESBUILD    := $(GO) tool esbuild --log-level=warning --bundle --minify
# Everything that `make generate` writes. .ci/run compares it with what is committed.
GENERATED  := web/templates/*_templ.go web/static/app.js web/static/app.css web/static/pages.css web/static/htmx.js web/static/icon.svg

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: run
run: ## serve the page at http://127.0.0.1:8080
	$(GO) run ./cmd/server

.PHONY: test
test: setup go-test web-check web-test ## install what the tests need and run them all

.PHONY: go-test
go-test: ## the Go tests alone, with what is installed
	@# The browser has the machine to itself: beside the lab's kernels its tests take three times as long.
	@status=0; \
	$(GO) test $(TESTFLAGS) -timeout 15m $$($(GO) list ./... | grep -v '/e2e$$') || status=$$?; \
	$(GO) test $(TESTFLAGS) -timeout 15m ./e2e || status=$$?; \
	exit $$status

.PHONY: e2e-all
e2e-all: ## the browser tests, each page in every language, size and theme (make test looks at one in turn)
	PODPATH_E2E=all $(GO) test -timeout 60m -count=1 ./e2e

.PHONY: lint
lint: web-check ## formatter and linters
	@unformatted=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted (run gofmt -w):"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

.PHONY: generate web templates
generate: templates web ## write the generated files anew
templates: ## web/templates: *.templ to Go
	$(GO) tool templ generate -path web/templates -log-level error

web: ## web/src to web/static
	$(ESBUILD) --target=es2022 --outfile=web/static/app.js web/src/app.ts
	$(ESBUILD) --outfile=web/static/app.css web/src/app.css
	$(ESBUILD) --outfile=web/static/pages.css web/src/pages.css
	cp web/src/icon.svg web/static/icon.svg
	@if [ -f node_modules/htmx.org/dist/htmx.min.js ]; then cp node_modules/htmx.org/dist/htmx.min.js web/static/htmx.js; \
	else echo "htmx.js: left as it is (no node_modules)"; fi

.PHONY: generated
generated: ## list the generated files
	@ls $(GENERATED)

.PHONY: web-check web-test
web-check: ## types and style of the TypeScript and CSS
	@if [ -x node_modules/.bin/tsc ] && [ -x node_modules/.bin/biome ]; then \
		node_modules/.bin/tsc --noEmit && node_modules/.bin/biome ci; \
	else echo "web-check: skipped (no node_modules)"; fi

# Node 20 runs no TypeScript, so the tests are bundled first.
web-test: ## unit tests of the TypeScript
	@tests=$$(find web/src -name '*.test.ts'); \
	if [ -z "$$tests" ]; then exit 0; fi; \
	if ! command -v node >/dev/null; then echo "web-test: skipped (no node)"; exit 0; fi; \
	dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	$(GO) tool esbuild --log-level=warning --bundle --platform=node --format=esm --outdir="$$dir" --out-extension:.js=.mjs $$tests && \
	node --test "$$dir"

.PHONY: kill
kill: ## kill the server 200 times while it shares, on SQLite and on PostgreSQL, and open every link that it has acknowledged
	PODPATH_KILLS=200 $(GO) test -timeout 60m -count=1 -v -run 'TestKill' ./cmd/server

SCREENS ?= screens

.PHONY: screens
screens: ## pictures of every page to SCREENS (screens/): three sizes, light and dark, both languages; text that overlaps or is cut fails
	@$(GO) build -o bin/server ./cmd/server
	@bin/server --addr 127.0.0.1:0 --links bin/links.db >bin/server.log & server=$$!; trap 'kill $$server' EXIT; \
	until grep -q ' at ' bin/server.log; do kill -0 $$server || exit 1; sleep 0.1; done; \
	node e2e/screens.mjs "$$(sed -n 's/.* at //p' bin/server.log)" $(SCREENS)

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (60s) each
	@set -euo pipefail; \
	for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' "$$pkg" | grep '^Fuzz' || true); do \
			echo "$$pkg $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s "$$pkg"; \
		done; \
	done

.PHONY: bench
bench: ## benchmarks (BENCH=regexp picks some)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem ./internal/... ./web/...

.PHONY: verify
verify: ## compare the tracer with the kernel recordings in SHARED
	@if [ ! -d $(SHARED)/golden/kernel ]; then echo "verify: no recordings in $(SHARED)/golden/kernel"; exit 1; fi
	$(GO) run ./cmd/podpath verify $(SHARED)/golden/kernel/*/

# --- the kernel as judge: these need root ------------------------------------------------------------------------------

N ?= 200
SEED ?= 0

.PHONY: fuzz-kernel
fuzz-kernel: ## N=200 random flows over random networks: the kernel against the tracer (SEED=n repeats a run)
	$(GO) build -o bin/podpath ./cmd/podpath
	$(SUDO) bin/podpath lab fuzz --flows $(N) --seed $(SEED)

.PHONY: verify-presets
verify-presets: ## ask the kernel about every preset, and store what it said for the page
	$(GO) build -o bin/podpath ./cmd/podpath
	$(SUDO) bin/podpath lab presets internal/checked/results.json

.PHONY: mutants
mutants: ## plant every mistake in the tracer and see that the kernel's recordings show it
	@# needs root: without it, it fails
	PODPATH_MUTANTS=all PODPATH_FUZZ_NETWORKS=$${PODPATH_FUZZ_NETWORKS:-200} $(GO) test ./internal/lab/fuzz -count=1 -timeout 60m -v -run 'TestMutants$$'

.PHONY: measure
measure: ## what a packet's steps cost on this machine, to COSTS (costs.json; needs root)
	$(GO) build -o bin/podpath ./cmd/podpath
	$(SUDO) bin/podpath lab measure -o $(COSTS)

.PHONY: bench-kernel
bench-kernel: ## tracing a packet beside sending it, to docs/benchmarks.md (needs root)
	$(GO) build -o bin/podpath ./cmd/podpath
	$(SUDO) bin/podpath lab bench -o docs/benchmarks.md

# --- what the tests need -------------------------------------------------------------------------------------------

.PHONY: setup
setup: packages node_modules/.package-lock.json ## Debian packages and node modules, where missing

.PHONY: packages
packages:
	@.ci/packages $(SUDO)

node_modules/.package-lock.json: package-lock.json package.json
	@.ci/node-modules
