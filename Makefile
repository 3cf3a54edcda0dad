# make run    build, fetch the models once, start the server and print where to go
# make test   everything CI runs: unit tests, the official SDKs, a native caller, Chromium (scripted and local models)
# make figures measure what the README states, on this machine
# make load   how fast calls start, on this machine
# make sim    simulated calls: SEEDS (100000) of them from seed FROM (0)
# make lab    how well turns are taken: speech over the agent and its echo in simulated rooms, with local models
# make fuzz   every fuzz target for FUZZ_SECONDS (600)
# make check  formatting, lints and types, without tests
# make clean  remove what was built (models stay in the cache)

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
CARGO ?= cargo
BIN := target/release/ringline
# Language model for `make run`: tiny, small or standard.
TIER ?= standard
# Options for `ringline serve`, e.g. ARGS="--listen 0.0.0.0:8080".
ARGS ?=

# Simulated calls and the first one's seed, for `make sim`.
SEEDS ?= 100000
FROM ?= 0
# Simulated rooms for `make lab`.
ROOMS ?= 600

.PHONY: run test test-unit test-e2e figures load sim lab fuzz check build page models clean

run: build models
	$(BIN) serve --tier $(TIER) $(ARGS)

build: page
	@scripts/system-packages.sh build
	$(CARGO) build --release --locked -p ringline

page: console/dist/index.html

console/dist/index.html: $(shell find console/src -type f 2>/dev/null) console/package-lock.json console/build.mjs
	@scripts/system-packages.sh build
	cd console && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build

models: build
	$(BIN) models pull $(TIER)

test: build
	@scripts/system-packages.sh test
	$(MAKE) --no-print-directory test-unit
	$(MAKE) --no-print-directory test-e2e

test-unit: page
	$(BIN) models pull tiny
	cd console && npm test --silent
	RINGLINE_MODELS_REQUIRED=1 RINGLINE_POSTGRES_REQUIRED=1 $(CARGO) test --release --locked --workspace

test-e2e: build
	tests/run

figures: models
	@scripts/system-packages.sh test
	TIER=$(TIER) tests/figures

load: build
	$(CARGO) build --release --locked -p ringline-bench
	tests/load

sim:
	$(CARGO) build --release --locked -p ringline-sim
	target/release/ringline-sim --seeds $(SEEDS) --from $(FROM)

lab: build
	@scripts/system-packages.sh test lab
	$(BIN) models pull core
	$(BIN) lab --plot target/lab.svg
	$(BIN) lab --rooms $(ROOMS)

fuzz:
	FUZZ_SECONDS=$${FUZZ_SECONDS:-600} fuzz/run

check: page
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings
	cd console && npm run --silent check

clean:
	$(CARGO) clean
	rm -rf console/dist console/node_modules tests/.venv tests/browser/node_modules tests/java/target
