# Leadgraph. Needs Python 3.11 or newer with venv and pip, make, git; everything else comes from requirements.lock.
# GNU make 3.81 (macOS) is enough.

PYTHON ?= python3
BIN := .venv/bin
# Test processes side by side, each with threads for all cores, stand in each other's way.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist worksteal --hypothesis-profile=ci

# Development data, where it lies beside the tree and the caller named no other folder. Only tests and evals read it.
ifneq ($(wildcard ../shared/data/.),)
DATA := LEADGRAPH_DATA="$${LEADGRAPH_DATA:-$$(cd ../shared/data && pwd)}"
endif

say = @printf '\n== %s\n'

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format gates eval bench planted chaos lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/.installed ## .venv from requirements.lock, with the command `leadgraph` in it

demo: setup ## one pass of everything: no keys, no network, nothing outside changed
	@$(BIN)/leadgraph demo

test: setup gates ## format, lint, types, import contracts, every test
	$(say) 'all tests'
	@$(DATA) $(PYTEST)

check: setup gates ## the same without the slow tests: under a minute, no network
	$(say) 'tests not marked slow'
	@$(DATA) $(PYTEST) -m 'not slow'

gates: setup
	$(say) 'format: ruff format --check'
	@$(BIN)/ruff format --check .
	$(say) 'lint: ruff check'
	@$(BIN)/ruff check .
	$(say) 'types: mypy --strict, tests included'
	@$(BIN)/mypy
	$(say) 'imports: lint-imports'
	@$(BIN)/lint-imports --no-logo

format: setup ## let ruff put the layout right and fix what it safely can
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

eval: setup ## a smoke set of the eval suites: no key, no data; too few cases to tell is no failure
	@$(BIN)/leadgraph evals run smoke --gate || test $$? -eq 3

bench: setup ## speed, measured on this machine
	@$(BIN)/leadgraph bench

planted: setup ## put each known bug back in, and see the tests catch it; SAMPLE=40 tries forty
	@$(DATA) $(BIN)/python -m tests.planted $(if $(SAMPLE),--sample $(SAMPLE))

chaos: setup ## a thousand simulated histories with faults, then kills of real processes
	@$(BIN)/python -m tests.chaos --seeds 1000

lock: setup ## renew the two locks; UPGRADE=--upgrade takes the newest versions
	@env -u UV_FIND_LINKS -u UV_INDEX -u UV_EXTRA_INDEX_URL \
	  $(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-config --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
	  --quiet $(UPGRADE) --output-file requirements.lock
	@env -u UV_FIND_LINKS -u UV_INDEX -u UV_EXTRA_INDEX_URL \
	  $(BIN)/uv pip compile requirements-nodeps.in --no-deps --universal --python-version 3.11 --generate-hashes \
	  --no-config --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
	  --quiet --output-file requirements-nodeps.lock

clean: ## remove .venv and every cache; state in .leadgraph/ stays
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.locked: requirements.lock requirements-nodeps.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'Leadgraph needs Python 3.11 or newer; name one with: make PYTHON=python3.12 setup' >&2; exit 1; }
	@test -x $(BIN)/python || { echo '== making .venv'; $(PYTHON) -m venv .venv; }
	@echo '== installing what requirements.lock pins (first time: about three minutes, 1.4 GB)'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input \
	  --no-compile --only-binary :all: --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input \
	  --no-compile --only-binary :all: --require-hashes --no-deps -r requirements-nodeps.lock
	@touch $@

.venv/.installed: .venv/.locked pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input \
	  --no-index --no-deps --no-build-isolation --editable .
	@touch $@
