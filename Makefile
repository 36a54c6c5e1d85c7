# Sets itself up in .venv. The interpreter: make PYTHON=/path/to/python3.12 ...
PYTHON ?= python3
VENV := .venv
ARGS ?=
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test test-vm test-zoo bench story lint clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.installed ## Start the exporter with the built-in catalogue; flags in ARGS="..."
	@exec $(VENV)/bin/swap-exporter $(ARGS)

test: $(VENV)/.installed-dev ## Run the tests; pytest's options in PYTEST_ARGS="..."; REQUIRE=all fails where a test would skip
	@$(VENV)/bin/python -m pytest $(PYTEST_ARGS)

test-vm: $(VENV)/.installed-dev ## Boot a Debian with systemd and build the container image; root, minutes, no part of test
	@REQUIRE=all $(VENV)/bin/python -m pytest tests/vm $(PYTEST_ARGS)

test-zoo: $(VENV)/.installed-dev ## Run real servers through several nights and write docs/accuracy.md; root, 60 minutes, no part of test
	@mkdir -p .cache
	@$(VENV)/bin/python -m tests.zoo.record .cache/zoo.jsonl.gz --exporter $(ARGS)
	@$(VENV)/bin/python -m tests.zoo.accuracy .cache/zoo.jsonl.gz $(addprefix --nights ,$(wildcard .cache/nights.jsonl.gz)) --out docs/accuracy.md

bench: $(VENV)/.installed-dev ## Measure beside others and write docs/benchmarks.md; root, gcc, minutes; options in ARGS="..."
	@$(VENV)/bin/python -m bench docs/benchmarks.md $(ARGS)

story: $(VENV)/.installed-dev ## Stage what the README shows and print it; root, port 10059, seven minutes
	@$(VENV)/bin/python -m tests.system.story

lint: $(VENV)/.installed-dev ## Check format, style and types
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy

clean: ## Remove what these targets made
	rm -rf $(VENV) .venv-servers .venv-zoo .cache dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The package is installed as a link to this tree: only a change of pyproject.toml asks for it again.
$(VENV)/.installed: pyproject.toml
	$(call install,.)
	@touch $@

$(VENV)/.installed-dev: pyproject.toml
	$(call install,'.[dev]')
	@touch $(VENV)/.installed $@

define install
	@command -v $(PYTHON) >/dev/null || { echo '$(PYTHON) not found; on Debian: apt install python3 python3-venv' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed and $(PYTHON) is $$($(PYTHON) -V 2>&1); name another: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv; ensurepip.version()' 2>/dev/null || { \
		echo '$(PYTHON) cannot make virtual environments; on Debian: apt install python3-venv' >&2; exit 1; }
	@test -x $(VENV)/bin/pip || $(PYTHON) -m venv $(VENV)
	@echo 'Installing into $(VENV)' >&2
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable $(1)
endef
