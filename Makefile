# Moorage's two commands are `make up` and `make test`; `make help` lists the others.

PYTHON ?= /usr/bin/python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := .cache/stamps
# Never this machine's own panel: the tests' settings have folders of their own.
MANAGE := DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python manage.py

MESSAGES := $(wildcard locale/*/LC_MESSAGES/*.po)
SOURCES := $(shell find engine panel -name '*.py')
FRONTEND := $(shell find static/src static/build.js -type f 2>/dev/null)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help up setup setup-dev test test-v2 soak check bench format messages schema lock clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: setup ## set everything up, then run the whole panel in the foreground
	@exec $(BIN)/python -m panel.supervisor

test: setup-dev ## set up, then run every test
	@$(BIN)/pytest $(PYTEST_ARGS)

test-v2: setup-dev ## run the engine's tests that are marked v2 in a guest with pure cgroup v2
	@tests/vm/run --timeout 3600 -- $(abspath $(BIN))/pytest -m v2 -p no:cacheprovider tests/engine $(PYTEST_ARGS)

soak: setup-dev ## kill every process at every step, and start ten thousand containers: takes an hour or so
	@$(BIN)/pytest -m soak tests/soak $(PYTEST_ARGS)

check: setup-dev ## linters, types, import contracts, migrations, OpenAPI document, lock files
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MANAGE) makemigrations --check --dry-run
	$(MANAGE) spectacular --validate --fail-on-warn | diff -u docs/openapi.yaml -
	setup/check-locks

bench: setup-dev $(STAMPS)/packages-bench ## measure; table on the screen, rows in bench/out/results.json
	@$(BIN)/python -m bench $(BENCH_ARGS)

format: setup-dev ## let ruff rewrite what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

messages: setup-dev ## collect texts to translate into locale/
	$(MANAGE) makemessages --all --no-wrap --no-obsolete --ignore=node_modules --ignore=.venv

schema: setup-dev ## write docs/openapi.yaml afresh
	$(MANAGE) spectacular --validate --fail-on-warn --file docs/openapi.yaml

lock: setup-dev ## pin the Python packages afresh, with their hashes
	setup/lock

clean: ## remove what was built or downloaded into this folder; state folders stay
	rm -rf $(VENV) .cache node_modules static/dist bench/out tests/artifacts .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find locale -name '*.mo' -delete

# --- the set-up, each step done again only when what it depends on has changed ---

setup: $(STAMPS)/packages-run $(STAMPS)/python $(STAMPS)/bytecode static/dist $(MESSAGES:.po=.mo)
setup-dev: $(STAMPS)/packages-test setup $(STAMPS)/python-dev

$(STAMPS)/packages-run: setup/system-packages
	@PYTHON=$(PYTHON) setup/system-packages run
	@mkdir -p $(@D) && touch $@

$(STAMPS)/packages-test: setup/system-packages
	@PYTHON=$(PYTHON) setup/system-packages run test
	@mkdir -p $(@D) && touch $@

$(STAMPS)/packages-bench: setup/system-packages
	@setup/system-packages bench
	@mkdir -p $(@D) && touch $@

$(BIN)/python: | $(STAMPS)/packages-run
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "moorage: needs Python 3.11 or later; set PYTHON=")'
	@$(PYTHON) -m venv $(VENV)

$(STAMPS)/python: requirements.lock | $(BIN)/python
	@echo "Installing Python packages"
	@$(BIN)/pip --quiet --quiet install --disable-pip-version-check --require-hashes --requirement requirements.lock
	@mkdir -p $(@D) && touch $@

$(STAMPS)/python-dev: requirements-dev.lock $(STAMPS)/python
	@echo "Installing Python packages for development"
	@$(BIN)/pip --quiet --quiet install --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
	@touch $@

# The panel's user may not write into this folder, so its processes would compile every module at each start.
$(STAMPS)/bytecode: $(SOURCES) | $(STAMPS)/python
	@$(BIN)/python -m compileall -q engine panel
	@touch $@

$(STAMPS)/npm: package-lock.json .npmrc | $(STAMPS)/packages-run
	@echo "Installing front-end packages"
	@npm ci --silent
	@mkdir -p $(@D) && touch $@

static/dist: $(STAMPS)/npm $(FRONTEND)
	@node static/build.js
	@touch $@

%.mo: %.po | $(STAMPS)/packages-run
	@msgfmt --check-format --output-file=$@ $<
