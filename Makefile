# make run    build, fetch the models once, start the server and print where to go
# make test   everything CI runs: unit tests, the official SDKs, a native caller, Chromium (scripted and local models)
# make test-slow what takes minutes: a thousand kills of the recorder, waiting in real time, an S3-compatible store that is away, Prometheus and the dashboard
# make figures measure what the README states, on this machine
# make load   how fast calls start, on this machine
# make bench  everything docs/benchmarks.md states, measured and written into it; takes half an hour
# make bench-smoke instructions of each stage of a call against committed figures
# make bench-network what a weak network leaves of a call, into docs/benchmarks.md (root, network namespaces, ten minutes)
# make bench-peers Ringline and Pipecat in the same run, into target/bench (PyPI, fifteen minutes)
# make sim    simulated calls: SEEDS (100000) of them from seed FROM (0)
# make lab    how well turns are taken: speech over the agent and its echo in simulated rooms, with local models
# make fuzz   every fuzz target for FUZZ_SECONDS (600)
# make screenshots the pictures of the console in docs/screenshots, taken anew
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

.PHONY: run test test-unit test-e2e test-slow figures load bench bench-smoke bench-network bench-peers sim lab fuzz screenshots check build page sdk-web models clean

run: build models
	$(BIN) serve --tier $(TIER) $(ARGS)

build: page
	@scripts/system-packages.sh build
	$(CARGO) build --release --locked --workspace --bin ringline

page: console/dist/index.html

console/dist/index.html: $(shell find console/src console/public sdk/web/core/src -type f 2>/dev/null) console/index.html console/vite.config.ts console/package-lock.json
	@scripts/system-packages.sh build
	cd console && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build

# What the packages for browsers are built and tested with.
sdk-web: sdk/web/node_modules/.package-lock.json

sdk/web/node_modules/.package-lock.json: sdk/web/package-lock.json
	@scripts/system-packages.sh build
	cd sdk/web && npm ci --no-audit --no-fund --loglevel=error

models: build
	$(BIN) models pull $(TIER)

# The end-to-end tests mostly wait for calls: the unit tests are compiled meanwhile, behind them.
test: build
	@scripts/system-packages.sh test
	mkdir -p target/tests
	nice -n 19 $(CARGO) test --release --locked --workspace --no-run >target/tests/compile.log 2>&1 & \
	    compiling=$$!; failed=0; \
	    tests/run || failed=1; \
	    wait $$compiling || cat target/tests/compile.log; \
	    $(MAKE) --no-print-directory test-unit || failed=1; \
	    exit $$failed

test-unit: page sdk-web
	$(BIN) models pull tiny
	cd console && npm test --silent
	cd sdk/web && npm test --silent
	RINGLINE_MODELS_REQUIRED=1 RINGLINE_POSTGRES_REQUIRED=1 $(CARGO) test --release --locked --workspace

test-e2e: build
	tests/run

test-slow: build
	@scripts/system-packages.sh test
	RINGLINE_KILLS=1000 $(CARGO) test --release --locked --workspace --bin ringline random_kills -- --nocapture
	$(CARGO) test --release --locked --workspace --bin ringline after_an_hour -- --ignored --nocapture
	$(CARGO) test --release --locked --workspace --test calls -- --ignored
	RINGLINE_TESTS=server RINGLINE_SUITES="test_s3 test_recording_kills test_callbacks_minute test_dashboard" RINGLINE_DATABASES=sqlite tests/run

figures: models
	@scripts/system-packages.sh test
	TIER=$(TIER) tests/figures

load: build
	$(CARGO) build --release --locked --workspace --bin ringline-bench
	tests/load

bench: build
	@scripts/system-packages.sh test bench
	$(BIN) models pull tiny
	$(CARGO) build --release --locked --workspace --bin ringline-bench
	tests/bench/run

bench-smoke:
	@scripts/system-packages.sh bench
	$(CARGO) build --release --locked --workspace --bin ringline-bench
	python3 tests/bench/smoke.py

bench-network: models
	@scripts/system-packages.sh test bench
	python3 tests/bench/weak_network.py --json target/bench/weak_network.json --markdown target/bench/weak_network.md
	python3 tests/bench/report.py

bench-peers: models
	@scripts/system-packages.sh test bench
	$(CARGO) build --release --locked --workspace --bin ringline-bench
	tests/bench/pipecat/run
	python3 tests/bench/report.py

sim:
	$(CARGO) build --release --locked --workspace --bin ringline-sim
	target/release/ringline-sim --seeds $(SEEDS) --from $(FROM)

lab: build
	@scripts/system-packages.sh test lab
	$(BIN) models pull core
	$(BIN) lab --plot target/lab.svg
	$(BIN) lab --rooms $(ROOMS)

fuzz:
	FUZZ_SECONDS=$${FUZZ_SECONDS:-600} fuzz/run

screenshots: build
	@scripts/system-packages.sh test
	cd tests/browser && npm ci --no-audit --no-fund --loglevel=error && node screenshots.mjs

check: page sdk-web
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings
	cd console && npm run --silent check
	cd sdk/web && npm run --silent check

clean:
	$(CARGO) clean
	rm -rf console/dist console/node_modules sdk/web/node_modules sdk/web/*/dist tests/.venv tests/browser/node_modules tests/java/target
