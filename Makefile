# make demo and make test each work alone on a fresh clone: Rust, Python >= 3.11 and a C compiler are all they need.
PYTHON ?= python3
BIN := .venv/bin
RUST := $(shell find crates -name '*.rs' -o -name Cargo.toml) Cargo.toml Cargo.lock .cargo/config.toml

.PHONY: all setup demo test test-all lint rust-test python-test bench clean
all: setup

.venv/.installed: requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r requirements.lock
	touch $@

.venv/.built: .venv/.installed $(RUST) pyproject.toml
	PATH="$(CURDIR)/$(BIN):$$PATH" VIRTUAL_ENV="$(CURDIR)/.venv" maturin develop --release --locked --quiet
	touch $@

setup: .venv/.built

demo: setup
	$(BIN)/python examples/digits/demo.py

lint: setup
	cargo fmt --all --check
	cargo clippy --release --locked --workspace --all-targets --quiet
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

rust-test:
	cargo test --release --locked --workspace --quiet

python-test: setup
	$(BIN)/python -m pytest

test: lint rust-test python-test

test-all: lint
	cargo test --release --locked --workspace --quiet -- --include-ignored
	$(BIN)/python -m pytest -m ''

bench: setup
	$(BIN)/python bench/run.py

clean:
	rm -rf target .venv
