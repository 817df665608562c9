# Wanjia. `make help` lists what there is. Needs Python >= 3.11 and make; everything else goes into .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo test unit check format bench lock clean

help: ## list these commands
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 10

demo: .venv/runtime ## start everything with simulated meters and open for a browser; Ctrl-C stops it
	@exec $(BIN)/wanjia demo

test: .venv/dev ## all tests, on real embedded servers
	$(BIN)/pytest -n 2 --dist loadgroup $(ARGS)

unit: .venv/dev ## only the tests that need no server, property tests with few examples
	$(BIN)/pytest -n 2 --hypothesis-profile few -m "not servers and not slow and not browser and not peers and not timescale" $(ARGS)

check: .venv/dev ## format, lint, types, import directions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/dev ## write the code's format and the fixes ruff is sure of
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/dev ## measure; prints ratios taken side by side in one run
	$(BIN)/wanjia bench $(ARGS)

lock: .venv/dev ## resolve the ranges of pyproject.toml anew into the hash-checked lock files
	$(BIN)/pip install --quiet pip-tools
	$(BIN)/pip-compile $(LOCK) --build-deps-for editable -o requirements.lock pyproject.toml
	$(BIN)/pip-compile $(LOCK) --build-deps-for editable --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml
LOCK := --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --no-header \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

clean: ## remove .venv and caches (data stay)
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Wanjia needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Name another: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv .venv

# The editable install needs no second download: its build back-end is in the lock file.
.venv/runtime: requirements.lock pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev: requirements-dev.lock .venv/runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@
