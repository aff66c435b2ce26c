# Every target sets itself up in .venv; nothing is installed elsewhere. `make` prints this list.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help venv demo test bench lint format config docs picture clean

help: ## Print what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(STAMP) ## Make .venv and install the project and its tools into it

# Made again when pyproject.toml changes. pip learnt --group in 25.1.
$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "scraper needs Python 3.11 or later; name one: make PYTHON=python3.12 venv" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

demo: $(STAMP) ## Serve a sample site on this machine and crawl it
	@$(BIN)/scraper demo

test: lint ## Run every gate: format, lint, types, imports, tests with coverage, the wheel
	$(BIN)/python -m pytest -q -n 2 --cov --cov-report=term --cov-fail-under=85
	$(BIN)/python tests/support/check_wheel.py

bench: $(STAMP) ## Measure the program against a bare script that does the same work
	@$(BIN)/python tests/benchmarks/against_bare.py

lint: $(STAMP) ## Run the gates that do not run the program
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(STAMP) ## Format the code and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

config: $(STAMP) ## Write config/default.toml again from the settings' docstrings
	$(BIN)/python -m scraper.settings.describe > config/default.toml.new
	mv config/default.toml.new config/default.toml

docs: $(STAMP) ## Write docs/record.md and docs/settings.md again from the docstrings
	$(BIN)/python tests/support/reference_pages.py

picture: $(STAMP) ## Draw docs/images/demo.svg again from a real run
	$(BIN)/python tests/support/record_terminal.py

clean: ## Remove .venv and what the tools left
	rm -rf $(VENV) build dist .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
