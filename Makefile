# Everything a newcomer types. All targets can be repeated; the second time they are fast.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SEEDS ?= 1000
# Tests run in so many processes: those that start a switch mostly wait for it.
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help run install develop test check acceptance sim bench clean

help:
	@echo "make run         a working switch with sample wallets on http://127.0.0.1:8080"
	@echo "make test        all tests"
	@echo "make check       format, lint, types, layers"
	@echo "make acceptance  the slow proofs"
	@echo "make sim SEEDS=n the seeded simulation"
	@echo "make bench       the benchmarks"

$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.made pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --editable .
	@touch $@

$(VENV)/.developed: $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

install: $(VENV)/.installed

develop: $(VENV)/.developed

run: install
	@exec $(BIN)/shardpay serve --sample

test: develop
	$(BIN)/pytest -m "not slow" --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: develop
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -q tests/test_layers.py

acceptance: develop
	$(BIN)/pytest tests/acceptance $(ARGS)

sim: develop
	$(BIN)/python -m tests.sim --seeds $(SEEDS)

bench: develop
	$(BIN)/shardpay bench $(ARGS)

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
