# Sets itself up in .venv, with the versions in requirements/, or the newest ones: make LOCK=no ...
# The interpreter: make PYTHON=/path/to/python3.12 ... makes a .venv of another one anew.
PYTHON ?=
VENV := .venv
LOCK ?= yes
ARGS ?=
PYTEST_ARGS ?=
export LOCK

.DEFAULT_GOAL := help
.PHONY: help run test test-newest test-debian13 test-vm test-zoo bench story metrics lint lock clean installed installed-dev

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: installed ## Start the exporter with the built-in catalogue; flags in ARGS="..."
	@exec $(VENV)/bin/swap-exporter $(ARGS)

test: installed-dev ## Run the tests; pytest's options in PYTEST_ARGS="..."; REQUIRE=all fails where a test would skip
	@tests/alone $(VENV)/bin/python -m pytest $(PYTEST_ARGS)

test-newest: ## Run the tests with the newest releases instead of the locked ones, in a .venv-newest of their own
	@rm -rf .venv-newest
	@$(MAKE) --no-print-directory test VENV=.venv-newest LOCK=no

test-debian13: ## Run the tests, but not the system tier, in a Debian 13 with its own Python; root, debootstrap
	@$(or $(PYTHON),python3) -m tests.vm.debian13 $(PYTEST_ARGS)

test-vm: installed-dev ## Boot a Debian with systemd and build the container image; root, minutes, no part of test
	@REQUIRE=all $(VENV)/bin/python -m pytest tests/vm $(PYTEST_ARGS)

test-zoo: installed-dev ## Run real servers through several nights and write docs/accuracy.md; root, 60 minutes, no part of test
	@mkdir -p .cache
	@$(VENV)/bin/python -m tests.zoo.record .cache/zoo.jsonl.gz --exporter $(ARGS)
	@$(VENV)/bin/python -m tests.zoo.accuracy .cache/zoo.jsonl.gz $(addprefix --nights ,$(wildcard .cache/nights.jsonl.gz)) --out docs/accuracy.md

bench: installed-dev ## Compare with other exporters and write docs/benchmarks.md; root, gcc, minutes; options in ARGS="..."
	@$(VENV)/bin/python -m bench docs/benchmarks.md $(ARGS)

story: installed-dev ## Stage what the README shows and print it; root, port 10059, seven minutes
	@$(VENV)/bin/python -m tests.system.story

metrics: installed-dev ## Write docs/metrics.md and tests/deploy/contract.txt from the table of metrics
	@$(VENV)/bin/python -m tests.deploy.metric_lists

lint: installed-dev ## Check format, style and types
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy

lock: ## Write the lock files in requirements/ anew, with the newest releases
	@requirements/lock .cache/uv

clean: ## Remove what these targets made
	rm -rf $(VENV) .venv-newest .venv-servers .cache dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

installed:
	@requirements/install $(VENV) run '$(PYTHON)' $(LOCK)

installed-dev:
	@requirements/install $(VENV) dev '$(PYTHON)' $(LOCK)
