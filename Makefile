# One command runs the platform, one runs the tests, one is the gate. `make help` lists all of them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

export HOST ?= 127.0.0.1
export PORT ?= 8000

.DEFAULT_GOAL := help
.PHONY: help run test check lint types contracts migrations fix migration contract lock bench clean

help: ## Say what each command does
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' \
		| while IFS='|' read -r name text; do printf '  make %-12s %s\n' "$$name" "$$text"; done

run: $(INSTALLED) ## Start the whole platform on HOST:PORT (127.0.0.1:8000) with its worked example
	@exec $(BIN)/srdi serve --host "$(HOST)" --port "$(PORT)"

test: $(INSTALLED) ## Run every test on an embedded PostgreSQL (or on TEST_DATABASE_URL)
	@$(BIN)/pytest -n 2 --dist worksteal

check: lint types contracts migrations test ## The gate: lint, types, import contracts, migrations, tests

lint: $(INSTALLED)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: $(INSTALLED)
	@$(BIN)/mypy

contracts: $(INSTALLED)
	@$(BIN)/lint-imports

migrations: $(INSTALLED)
	@$(BIN)/python -m deploy.migrations_check

fix: $(INSTALLED) ## Format, and mend what the linter can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

migration: $(INSTALLED) ## Draft a migration: make migration service=review name="objections"
	@test -n "$(service)" -a -n "$(name)" || { echo 'say: make migration service=review name="what it does"'; exit 2; }
	@$(BIN)/python -m deploy.migrations_check --draft "$(service)" "$(name)"

contract: $(INSTALLED) ## Write docs/openapi.json and the schemas of pack files anew
	@$(BIN)/python -m deploy.contract

lock: $(INSTALLED) ## Resolve the hashed lock files anew from pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
		pyproject.toml --output-file requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
		--extra dev pyproject.toml --output-file requirements-dev.lock
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
		tests/bench/openfisca.in --output-file tests/bench/openfisca.lock

bench: $(INSTALLED) .bench/openfisca/.installed ## Measure what is promised of speed, beside what it is compared with
	@$(BIN)/python -m tests.bench

# OpenFisca is compared with and never depended on: it lives in an environment of its own.
.bench/openfisca/.installed: tests/bench/openfisca.lock
	@echo "installing OpenFisca into .bench/openfisca ..."
	@test -x .bench/openfisca/bin/python || $(PYTHON) -m venv .bench/openfisca
	@.bench/openfisca/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

clean: ## Remove the virtual environments and the standalone platform's data
	@rm -rf $(VENV) .bench .data

$(INSTALLED): requirements-dev.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not installed; Python 3.11 or newer is needed"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; set PYTHON=... to name one"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the locked packages into $(VENV) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
