# Everything a newcomer types. All targets can be repeated; the second time they are fast.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
SEEDS ?= 1000
MINUTES ?= 20
SEED ?= 1
# Tests run in so many processes, one more than the processors of the machine that CI has: those that start a switch mostly wait for it.
WORKERS ?= 3

# Images of containers set it: then each process compiles all its modules anew, those of a switch for several seconds.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run demo install develop cluster docs site unit test coverage test-latest test-newest test-lowest check style types acceptance screenshots sim stalls mutate bench update clean

help:
	@echo "make run         a working switch with sample wallets on http://127.0.0.1:8080"
	@echo "make demo        payment credit on a made-up population: scores, orders; 3 minutes"
	@echo "make install     what a switch needs, in .venv; make run does it too"
	@echo "make develop     what tests, benchmarks and training need in addition"
	@echo "make unit        the unit tests that need no process: some 55 s"
	@echo "make test        all tests but those of make check, and a floor of what they reach"
	@echo "make check       format, lint, spelling, types, tests of the architecture"
	@echo "make coverage    which lines the tests of units and of modules do not reach"
	@echo "make cluster     what nodes of a Ray cluster that takes jobs need in addition"
	@echo "make docs        writes the generated pages of docs/reference"
	@echo "make site        a site of docs/ with a search, in the folder site: open site/index.html, also without a network"
	@echo "make screenshots pictures of the console for docs/console.md; needs a Chromium"
	@echo "make acceptance  the slow proofs"
	@echo "make sim SEEDS=n the seeded simulation"
	@echo "make stalls SEED=n the unit tests in a process that is stopped again and again: which of them live on the machine's speed"
	@echo "make mutate MINUTES=n changes one thing at a time in ledger, shard core, credit and write queues: tells what no test notices"
	@echo "make bench       the benchmarks"
	@echo "make update      the newest versions of all packages into requirements*.txt, then the tests on them"
	@echo "make test-latest the tests on the newest and on the lowest versions that pyproject.toml allows"

$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	@touch $@

# Only what requirements.txt names, with its hash; the project itself is built with what was installed so.
$(VENV)/.installed: $(VENV)/.made pyproject.toml requirements.txt
	@sed '/^# Below:/,$$d' requirements.txt > $(VENV)/switch.txt
	$(PIP) --no-compile --require-hashes --requirement $(VENV)/switch.txt
	$(PIP) --no-compile --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.developed: $(VENV)/.installed
	$(PIP) --require-hashes --requirement requirements.txt
	@touch $@

# The site needs nothing of the switch.
$(VENV)/.site: $(VENV)/.made requirements-site.txt
	$(PIP) --require-hashes --requirement requirements-site.txt
	@touch $@

install: $(VENV)/.installed

develop: $(VENV)/.developed

# With what nodes of a Ray cluster need in addition, to take jobs.
cluster: install
	$(PIP) --no-compile --no-deps --require-hashes --requirement requirements-cluster.txt

run: install
	@exec $(BIN)/shardpay serve --sample $(ARGS)

demo: install
	@exec $(BIN)/shardpay demo $(ARGS)

# The inner loop. What starts processes, trains cards or draws thousands of examples is marked long, and part of `make test`.
unit: develop
	$(BIN)/pytest tests/unit -m "not slow and not long" --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

# But for tests/architecture, which are part of `make check`.
test: develop
	$(BIN)/pytest -m "not slow" --ignore tests/architecture --cov --cov-report= --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

# Line by line what `make test` holds to a floor; kernels, which are machine code, do not count.
coverage: develop
	$(BIN)/pytest tests/unit tests/integration -m "not slow and not long" --cov --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

# Types on one processor, the rest on the other.
check: develop
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target types style

style: develop
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/codespell
	$(BIN)/pytest -q tests/architecture

types: develop
	$(BIN)/mypy

docs: develop
	$(BIN)/python -m switch.reference
	$(BIN)/python -m rules.language.reference docs/reference/rules.md

# Warnings are errors: a link that leads nowhere, a page that no README.md names.
site: $(VENV)/.site
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --jobs auto --conf-dir docs/site . site
	@echo "open site/index.html"

screenshots: develop
	$(BIN)/python -m tests.console.screenshots docs/images/console

acceptance: develop
	$(BIN)/pytest tests/acceptance $(ARGS)

sim: develop
	$(BIN)/python -m tests.sim --seeds $(SEEDS)

# 20 minutes. ARGS go to pytest: one that failed is shown again by ARGS="-k NAME" and other seeds.
stalls: develop
	$(BIN)/python -m tests.stalls $(SEED) tests/unit -m "not slow and not long" $(ARGS)

# A sample of all changes, in a copy of the tree; ARGS="--seed 2" draws another, ARGS="--only 'actors/ledger/holds.py'" stays in a file.
mutate: develop
	$(BIN)/python -m tests.mutation --minutes $(MINUTES) $(ARGS)

# Both ends of what pyproject.toml allows, each in an environment of its own.
test-latest: test-newest test-lowest

test-newest test-lowest: test-%:
	$(PYTHON) -m venv --clear .venv-$*
	.venv-$*/bin/pip install --quiet --disable-pip-version-check uv
	.venv-$*/bin/uv pip compile --quiet --extra dev --extra docs --extra otel --python .venv-$*/bin/python --upgrade \
		$(if $(filter lowest,$*),--resolution lowest-direct) pyproject.toml --output-file .venv-$*/versions.txt
	.venv-$*/bin/pip install --quiet --disable-pip-version-check --requirement .venv-$*/versions.txt --editable .
	SHARDPAY_VERSIONS=other .venv-$*/bin/pytest -W ignore::DeprecationWarning -m "not slow" --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

# The suite on the newest versions is part of every update: requirements.txt stays as it was when it fails.
update: develop
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(BIN)/python .ci/pin.py
	$(MAKE) test || { git checkout requirements*.txt; exit 1; }

bench: develop
	$(BIN)/shardpay bench $(ARGS)

clean:
	rm -rf $(VENV) site .venv-newest .venv-lowest .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
