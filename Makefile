# Two commands matter: `make demo` and `make test`. Both do all the set-up that they need.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo test test-quick test-appliance test-appliance-full chaos check format bench bench-speech bench-language bench-long-minutes bench-web \
	bench-long bench-meetings bench-handover bench-backup screenshot screenshot-console sample bundle updates-bundle models-pack \
	image iso test-images vagrant-validate walkthrough dependencies clean

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
	@.venv/bin/hangjegyzet demo $(if $(ONCE),--once) $(ARGS)

# Whole files, so that what a module sets up is set up once. What measures, kills or drives a browser has the machine alone.
TWO_AT_ONCE := -n 2 --dist loadfile
ALONE := tests/browser tests/quality tests/system

test: setup-dev ## Every test, on the embedded PostgreSQL 18; then the database tests on the distribution's
	@$(PY) -m pytest $(TWO_AT_ONCE) --ignore tests/appliance --ignore tests/emulated $(ALONE:%=--ignore %) $(ARGS)
	@$(PY) -m pytest $(ALONE) $(ARGS)
	@HANGJEGYZET_TEST_PG=distribution $(PY) -m pytest $(TWO_AT_ONCE) tests/integration tests/migration -m "not models" --ignore tests/integration/test_media.py $(ARGS)

test-appliance: ## Install, upgrade, lose and restore whole machines, booted from scratch without a network (as root)
	@images/setup.sh --boxes
	@$(PY) -m pytest tests/appliance -m "not thorough" -s $(ARGS)

test-appliance-full: ## The same, and all the rest: killed at every stage, three boxes, workers, the console (as root; slow)
	@images/setup.sh --boxes
	@$(PY) -m pytest tests/appliance -s $(ARGS)

test-images: ## Start the disk image and the installer on an emulated machine, down to its firmware (as root; slow)
	@images/setup.sh --images
	@$(PY) -m pytest tests/appliance/test_images.py tests/emulated -s $(ARGS)

test-quick: setup-dev ## Unit and contract tests without models
	@$(PY) -m pytest tests/unit tests/contract tests/architecture -m "not models and not slow" $(ARGS)

check: setup-dev ## Format, lint, types and import contracts
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@cd ansible && PATH="$(CURDIR)/.venv/bin:$$PATH" ansible-lint -q --offline --profile production --project-dir . 2>&1

format: setup-dev ## Put the sources into shape
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

chaos: setup-dev ## Kill processes at random while recordings go through (CHAOS_SEED=n repeats a run)
	@$(PY) -m pytest -m chaos -s $(ARGS)

bench: bench-handover bench-meetings bench-web bench-language bench-speech ## Every measurement, against budgets and peers

bench-speech: setup ## WER, DER, RTF and memory beside plain faster-whisper and the diarizer alone
	@$(PY) -m tests.bench.bench_speech $(ARGS)

bench-long: setup ## What hours of speech cost in memory and quality; ARGS="--hours 0.33 12"
	@$(PY) -m tests.bench.bench_long $(ARGS)

bench-language: setup ## Decisions, actions, owners, dates and support of minutes against references
	@$(PY) -m tests.bench.bench_language $(ARGS)

bench-long-minutes: setup ## Minutes of eight hours: memory, and going on after a kill; ARGS=--fake for the method alone
	@$(PY) -m tests.bench.long_minutes $(ARGS)

bench-web: setup ## Pages, API, uploads and ranges at 32 clients over 100 000 meetings
	@$(PY) -m tests.bench.bench_web $(ARGS)

bench-meetings: setup ## Lists of a large archive; encryption on the way in and out
	@$(PY) -m tests.bench.bench_meetings $(ARGS)

bench-backup: setup ## Backup, verification and restore beside pg_basebackup, age and cp
	@$(PY) -m tests.bench.bench_backup $(ARGS)

bench-handover: setup ## From a ring to its claim
	@$(PY) -m tests.bench.bench_handover $(ARGS)

screenshot: setup-dev ## Photograph the portal with the sample meeting, for README and docs
	@$(PY) -m images.screenshot

screenshot-console: setup-dev ## Photograph the console, for the operator's manual
	@TZ=UTC $(PY) -m images.console_pictures

sample: setup-dev ## Speak the sample meetings again (needs flite and espeak-ng)
	@$(PY) -m images.sample.regenerate

bundle: setup ## The signed bundle for a machine without a network (KEYS=folder CUDA=1 DEBS=folder; docs/releases.md)
	@$(PY) -m images.bundle $(if $(KEYS),--keys "$(KEYS)") $(if $(DEBS),--debs-from "$(DEBS)") \
		$(if $(CUDA),--cuda) $(ARGS)

updates-bundle: setup ## The system's security updates since a release, signed (FOR="bundles" KEYS=folder; docs/updates.md)
	@$(PY) -m images.bundle.updates $(FOR:%=--for "%") $(if $(KEYS),--keys "$(KEYS)") $(ARGS)

models-pack: setup ## Signed packs of the installed models (PACK=name for one, KEYS=folder)
	@$(PY) -m images.bundle.models $(PACK) $(if $(KEYS),--keys "$(KEYS)") $(ARGS)

image: setup ## A whole machine as a disk image, qcow2 (as root; BUNDLE=file KEYS=folder PACKS="files"; docs/machine-images.md)
	@images/setup.sh --images
	@$(PY) -m images.machine disk $(MACHINE)

iso: setup ## The medium that installs it onto a disk (as root; the same settings)
	@images/setup.sh --images
	@$(PY) -m images.machine iso $(MACHINE)

MACHINE = $(if $(BUNDLE),--bundle "$(BUNDLE)") $(if $(KEYS),--keys "$(KEYS)") $(if $(PACKS),--packs $(PACKS)) $(ARGS)

vagrant-validate: ## Ask Vagrant whether it understands the Vagrantfile
	@vagrant validate --ignore-provider

walkthrough: ## Install a machine and picture its terminal, for the operator's manual (as root; BUNDLE=file)
	@images/setup.sh --boxes
	@$(PY) -m images.walkthrough $(if $(BUNDLE),--bundle "$(BUNDLE)") $(ARGS)

dependencies: setup-dev ## Write docs/dependencies.md and docs/configuration.md from their sources
	@$(PY) -m images.dependencies && $(PY) -m images.configuration

clean: ## Remove what the demo and the tools left behind
	@rm -rf .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
