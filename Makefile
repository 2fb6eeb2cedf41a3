# `make` lists the targets. Everything that is built lands in target/, node_modules/ and, for the page, web/dist.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Failpoints are switches that only tests turn; the feature never ships. One build, of every feature, serves all tests.
TARGET := $(or $(CARGO_TARGET_DIR),target)
export TANDEM_BIN ?= $(abspath $(TARGET)/debug/tandem)
FUZZ_SECONDS ?= 20
# The compiler of that build is clippy, as `cargo clippy -- -D warnings` calls it: what is linted is not compiled twice.
LINTED := RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__
# Files of tests/interop; all if none is named.
INTEROP ?=
# How much `make durability` breaks.
KILLS ?= 50
CUTS ?= 20
STORE ?= sqlite
# Which seeds `make simulate` runs.
SEEDS ?= 2000..10000
DURABILITY = cd tests/interop && ../../scripts/with-node node --disable-warning=ExperimentalWarning durability
# What is broken, attacked and left running at length is a release build; what has a price is the build that is shipped.
attack-cost: export TANDEM_BIN := $(abspath $(TARGET)/dist/tandem)
durability durability-writes attack-long churn: export TANDEM_BIN := $(abspath $(TARGET)/release/tandem)

# What begins, and when: so a long run tells where its time goes.
step = @printf '\n== %s (%s)\n' '$(1)' "$$(date +%T)"

##@ Use

.PHONY: help
help: ## lists these targets
	@awk 'BEGIN { FS = ":.*## " } /^##@/ { printf "\n%s\n", substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: run
run: ## builds the server and serves it, by default on http://127.0.0.1:8080 with SQLite in ./data
	@scripts/setup rust
	@echo 'Building Tandem: some minutes the first time, cargo counts the crates below.'
	cargo build --release
	@echo 'Starting: the line that begins with `ready` names the address; Ctrl-C ends it.'
	@exec $(TARGET)/release/tandem serve

##@ Test

.PHONY: test
test: ## does its own set-up, then runs everything that CI runs
	$(call step,set-up)
	@scripts/setup rust node browser postgres
	@$(MAKE) format
	@$(MAKE) test-web
	@$(MAKE) test-rust
	@$(MAKE) test-interop
	@$(MAKE) test-durability
	@$(MAKE) test-browser
	@$(MAKE) test-autobahn
	@$(MAKE) test-index
	@$(MAKE) fuzz

.PHONY: setup
setup: ## installs what building and testing needs
	@scripts/setup
	@echo 'Everything is there.'

.PHONY: format
format: ## whether all is formatted
	$(call step,formatting)
	cargo fmt --all --check

.PHONY: lint
lint: format ## the same, and clippy with warnings as errors, which the build of the tests is held to as well
	cargo clippy --workspace --all-features --all-targets --quiet -- -D warnings

.PHONY: build-test
build-test: ## builds the tests and the binary that they drive, with failpoints; a warning is an error
	$(call step,build)
	@scripts/setup rust
	$(LINTED) cargo test --no-run --workspace --all-features --all-targets

.PHONY: test-rust
test-rust: build-test ## unit and integration tests of the crates, on SQLite and a PostgreSQL of their own
	$(call step,cargo test)
	@scripts/setup postgres
	$(LINTED) cargo test --workspace --all-features

.PHONY: test-web
test-web: ## the page: types, units, and that web/dist equals a fresh build
	$(call step,the page)
	@scripts/setup node
	cd web && ../scripts/with-node npm run --silent check
	cd web && ../scripts/with-node npm test
	scripts/check-web

.PHONY: test-index
test-index: ## the index of crates/yjs against Yjs itself
	$(call step,the index against Yjs)
	@scripts/setup rust node
	cd tests/index && ../../scripts/with-node npm test

.PHONY: test-index-long
test-index-long: ## 5,000 histories and 5,000 hostile sessions of the same
	@HISTORIES=5000 SESSIONS=5000 $(MAKE) test-index

.PHONY: simulate
simulate: ## runs SEEDS (2000..10000) of the simulator
	@scripts/setup rust
	TANDEM_SEEDS=$(SEEDS) cargo test -p tandem-actors --features failpoints --test simulator every_seed -- --nocapture

.PHONY: test-interop
test-interop: build-test ## the real npm clients against the binary
	$(call step,interoperability)
	@scripts/setup node postgres
	cd tests/interop && ../../scripts/with-node node run.mjs $(INTEROP)

.PHONY: test-durability
test-durability: build-test ## kills, power cuts and failing disks, as many as fit into a minute
	$(call step,durability)
	@scripts/setup node postgres
	$(DURABILITY)/kills.mjs --kills 5
	$(DURABILITY)/kills.mjs --kills 5 --store postgres
	$(DURABILITY)/cuts.mjs --cuts 2
	$(DURABILITY)/cuts.mjs --cuts 2 --store postgres
	$(DURABILITY)/full.mjs
	$(DURABILITY)/writes.mjs --every 60 --first 30

.PHONY: durability
durability: build-attack ## the same at length over STORE (sqlite, postgres): KILLS (50), and CUTS (20) of the power
	@scripts/setup node postgres
	$(DURABILITY)/kills.mjs --kills $(KILLS) --store $(STORE)
	$(DURABILITY)/cuts.mjs --cuts $(CUTS) --store $(STORE)

.PHONY: durability-writes
durability-writes: build-attack ## fails every write of a scenario once, in each way: minutes
	@scripts/setup node
	$(DURABILITY)/full.mjs
	$(DURABILITY)/writes.mjs

.PHONY: build-attack
build-attack: ## builds the binary that is attacked and broken at length
	@scripts/setup rust
	cargo build --release -p tandem --features failpoints

.PHONY: attack-cost
attack-cost: ## what each hostile input costs the server at most, five times each
	$(call step,the price of hostile inputs)
	@scripts/setup rust node
	$(NAMED) cargo build --profile dist -p tandem
	cd tests/interop && ATTACK_COST=1 ../../scripts/with-node node run.mjs hostile

.PHONY: churn
churn: ## an hour (MINUTES) of coming and going after a quarter (WARM_SECONDS), in which nothing grows: a release build
	$(call step,churn)
	@scripts/setup rust node
	cargo build --release -p tandem
	cd tests/interop && ../../scripts/with-node node --disable-warning=ExperimentalWarning churn.mjs

.PHONY: attack-long
attack-long: build-attack ## 5,000 silent strangers; 20 stalled readers beside 200 for minutes
	$(call step,strangers and stalled readers)
	@scripts/setup node
	cd tests/interop && ATTACK_LONG=1 ../../scripts/with-node node run.mjs strangers
	cd tests/interop && ATTACK_LONG=1 ../../scripts/with-node node run.mjs stalled

.PHONY: test-browser
test-browser: build-test ## the page in headless Chromium
	$(call step,the page in a browser)
	@scripts/setup node browser
	cd tests/browser && ../../scripts/with-node npm run --silent check
	cd tests/browser && ../../scripts/with-node npm test

.PHONY: test-autobahn
test-autobahn: build-test ## Autobahn's WebSocket cases against the edge: all that apply, under a minute
	$(call step,WebSocket conformance)
	@scripts/setup python
	tests/autobahn/run.sh $(TARGET)/debug/examples/echo

.PHONY: fuzz
fuzz: ## fuzzes every target for FUZZ_SECONDS (20), two side by side
	$(call step,fuzzing)
	@scripts/setup rust
	scripts/fuzz $(FUZZ_SECONDS)

.PHONY: audit
audit: ## licences, sources, doubles and advisories of the dependencies
	@command -v cargo-deny >/dev/null || { echo 'cargo-deny is missing: cargo install --locked cargo-deny' >&2; exit 1; }
	cargo deny check

##@ Measure

# The servers in the order of their turns, how often each has one, the scenarios (all if none is named), a trace.
SERVERS ?= floor,tandem,tandem-hocuspocus,tandem-postgres,y-websocket,hocuspocus,y-sweet
ROUNDS ?= 5
ONLY ?=
TRACE ?= $(TANDEM_TRACE)

# Names of functions that keep their types' names: where time goes can be told from them.
NAMED := RUSTFLAGS='-C symbol-mangling-version=v0'

.PHONY: bench
bench: ## Tandem, the floor and the peers at the same load; writes docs/BENCHMARKS.md (ROUNDS, ONLY, SERVERS, TRACE); perf for its steps
	@scripts/setup rust node postgres
	$(NAMED) cargo build --profile dist -p tandem
	$(NAMED) cargo build --profile dist -p tandem-load
	tests/load/peers/install $(SERVERS)
	$(TARGET)/dist/load bench --precede --tandem $(abspath $(TARGET)/dist/tandem) --rounds $(ROUNDS) --server $(SERVERS) \
		$(if $(ONLY),--only $(ONLY)) $(if $(TRACE),--trace $(TRACE))

.PHONY: bench-parts
bench-parts: ## what each step of an edit's path costs by itself; TANDEM_BLESS=1 writes it to docs/BENCHMARKS.md
	@scripts/setup rust postgres
	cd tests/parts && cargo bench --quiet

##@ Build

.PHONY: web
web: ## builds the page into web/dist, which is committed
	@scripts/setup node
	cd web && ../scripts/with-node npm run build

.PHONY: picture
picture: build-test ## takes the README's picture of the page anew
	@scripts/setup node browser
	cd web && ../scripts/with-node npm run --silent picture

.PHONY: dist
dist: ## the binary as it is shipped, with link-time optimisation
	@scripts/setup rust
	cargo build --profile dist

.PHONY: clean
clean: ## removes what was built, except web/dist
	cargo clean
	rm -rf web/node_modules tests/*/node_modules examples/*/node_modules tests/browser/test-results
