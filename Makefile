# make demo    see it work: builds, judges real logs, certifies, verifies, damages copies
# make test    everything that must hold before a change goes in
# Both set the machine up first. The rest is below, each with a line.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: help setup setup-build setup-web build loader web demo test test-full models engines bench bench-peers bench-web instructions load mutants coverage fuzz-smoke fuzz-long fuzz-seeded miri kani

# A concurrent editing trace for the demo, where there is one.
TRACE ?= $(wildcard ../shared/data/friendsforever.json.gz)
export TRACE

TARGET := $(or $(CARGO_TARGET_DIR),target)
BENCH ?= --events 1000000 --payload 256 --deps 2 --writers 4

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

setup: ## install what building and testing take (again: changes nothing)
	@scripts/setup.sh test

setup-build:
	@scripts/setup.sh build

setup-web:
	@scripts/setup.sh web

build: setup-build ## the omega command, in target/release
	cargo build --release --locked -p omega-sheaf

loader: setup-build ## verifying for JavaScript, in js/build/loader
	scripts/loader.sh

web: build setup-web ## the verifier for Node and browsers, in js/dist
	@scripts/web.sh

demo: build ## see it work, in a folder that is removed afterwards
	@OMEGA=$(TARGET)/release/omega tests/demo.sh

test: setup ## format, dependencies, clippy, tests in Rust, JavaScript and Python, engines, demo
	@scripts/test.sh

test-full: setup ## the same with the long runs
	@scripts/test.sh --full

models: setup ## model-check the protocol, the large models too
	@formal/tla/check.sh --full

# BATCHES=200 for a quick look: 10,000 take some minutes.
BATCHES ?= 10000
engines: setup web ## the same bytes from six engines; writes the table in ARCHITECTURE.md
	@scripts/engines.sh $(BATCHES) ARCHITECTURE.md

bench: build ## events per second beside the floor of the same machine
	$(TARGET)/release/omega bench $(BENCH)

# PEERS="--events 2000 --turns 1" for a quick look; --help after it lists all flags.
PEERS ?=
bench-peers: build ## beside its peers on the same events; writes the section in BENCHMARKS.md (a quarter of an hour)
	@scripts/setup.sh peers
	cargo build --release --locked --ignore-rust-version --manifest-path tests/peers/Cargo.toml \
	    --target-dir $(TARGET)/bench-peers
	$(TARGET)/bench-peers/release/omega-peers measure --omega $(TARGET)/release/omega \
	    --output tests/peers/results --page BENCHMARKS.md $(PEERS)

instructions: setup build ## records how many the native kernel takes for an event; make test holds it to that
	@tests/instructions/count.py --omega $(TARGET)/release/omega --write

bench-web: web ## the speed of Node, of a browser's tab and of the page, beside the command's
	npm --prefix js run --silent bench

load: ## what a node takes in, beside SQLite and NATS JetStream; a soak of ten minutes
	@scripts/setup.sh load
	@scripts/load.sh

# FILE=judge/streams.rs for one file; without it, the whole kernel (hours).
mutants: setup ## which changes to the kernel no test notices (FILE=… for one file)
	@cargo mutants --version >/dev/null 2>&1 || cargo install --locked cargo-mutants --version '^27'
	@cargo nextest --version >/dev/null 2>&1 || cargo install --locked cargo-nextest
	cargo mutants --package omega-kernel $(if $(FILE),--file 'kernel/src/$(FILE)')

coverage: setup ## lines of the kernel that tests reach; less than 95 % fails
	@cargo llvm-cov --version >/dev/null 2>&1 || cargo install --locked cargo-llvm-cov@0.9.1
	rustup component add llvm-tools
	cargo llvm-cov --package omega-kernel --release --locked --fail-under-lines 95 \
	    --ignore-filename-regex 'component.rs'

SECONDS_EACH ?= 60

fuzz-smoke: ## each fuzz target for a minute (SECONDS_EACH=…); fails where one finds something
	@scripts/setup.sh fuzz
	@fuzz/run.sh --seconds $(SECONDS_EACH)

HOURS ?= 4

fuzz-long: ## all fuzz targets, four CPU-hours together (HOURS=…), with figures in target/fuzz-found
	@scripts/setup.sh fuzz
	@fuzz/run.sh --cpu --seconds $$(awk 'BEGIN { print int($(HOURS) * 3600 / 8) }')

fuzz-seeded: ## one defect for each fuzz target, which must find it
	@scripts/setup.sh fuzz
	@fuzz/run.sh --cpu --seconds 60 --seeded

miri: ## the kernel's tests in an interpreter that notices undefined behaviour (some 10 minutes of computing)
	@scripts/setup.sh miri
	@scripts/miri.sh

kani: ## the bounded proofs over sampled values; with Kani installed, over all
	cargo test --release --locked --manifest-path formal/kani/Cargo.toml --target-dir $(TARGET)/kani
	@if cargo kani --version >/dev/null 2>&1; then cd formal/kani && cargo kani; \
	else echo "skipped: Kani is not installed, so nothing was proved: see formal/kani/src/lib.rs"; fi
