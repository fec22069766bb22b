# Two commands matter: `make demo` and `make test`. Both do all the set-up that they need.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo test test-quick test-pg15 chaos check format bench screenshot sample dependencies clean

PY := .venv/bin/python
export HF_HUB_OFFLINE := 1
export PYANNOTE_METRICS_ENABLED := 0

help: ## Show what there is
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install everything that the demo needs (resumes; quick when all is there)
	@images/setup.sh

setup-dev: ## The same, and what tests and checks need
	@images/setup.sh --dev

demo: setup ## Start the appliance, send a meeting through it, show transcript and minutes (ONCE=1: then exit)
	@.venv/bin/hangjegyzet demo $(if $(ONCE),--once)

test: setup-dev ## Every test, on the embedded PostgreSQL 18; then the database tests on the distribution's
	@$(PY) -m pytest $(ARGS)
	@HANGJEGYZET_TEST_PG=distribution $(PY) -m pytest tests/integration tests/migration $(ARGS)

test-quick: setup-dev ## Unit and contract tests without models
	@$(PY) -m pytest tests/unit tests/contract tests/architecture -m "not models and not slow" $(ARGS)

check: setup-dev ## Format, lint, types and import contracts
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

format: setup-dev ## Put the sources into shape
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

clean: ## Remove what the demo and the tools left behind
	@rm -rf .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
