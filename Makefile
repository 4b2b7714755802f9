# The front door: `make help` lists what there is. Each target does all its set-up.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.SUFFIXES:
.PHONY: help demo serve-demo test image bench torture check docs format lock setup clean

BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

# How many test processes: half as many again as cores, since a third of their time is waiting; 0 runs them in this
# one (for a debugger).
WORKERS ?= $(shell echo $$(( ($$(nproc) * 3 + 1) / 2 )))
# Ledgers sync to disk at every step: tests keep theirs in memory where there is room for it.
TEST_TMP := $(shell [ "$$(df --output=avail -k /dev/shm 2>/dev/null | tail -1)" -gt 4000000 ] 2>/dev/null && echo /dev/shm || echo "$${TMPDIR:-/tmp}")
# The slow ones repeat at full size what the others sample: `make test TESTS=` runs all, `TESTS=slow` those alone.
TESTS ?= not slow
# More words for the program behind a target: make test ARGS="-k labels", make demo ARGS="--help"
ARGS ?=

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/.stamp-runtime ## migrate a batch of sample projects, on your machine alone
	@$(BIN)/gl2gh-batch demo $(ARGS)

serve-demo: .venv/.stamp-runtime ## serve the HTTP service with a sandbox behind it
	@$(BIN)/gl2gh-batch serve --demo $(ARGS)

test: .venv/.stamp-dev .tools/.stamp-npm .tools/.stamp-openapi ## run the tests
	@TMPDIR=$(TEST_TMP) $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "$(TESTS)" $(ARGS)

image: .venv/.stamp-dev ## build the Action's image, with Docker or buildah, and run its entry in it
	@$(BIN)/python tools/image.py build
	@GL2GH_IMAGE=1 TMPDIR=$(TEST_TMP) $(BIN)/python -m pytest tests/image $(ARGS)

bench: .venv/.stamp-dev ## measure: figures next to the floor that bounds them (docs/performance.md)
	@$(BIN)/python -m bench $(ARGS)

torture: .venv/.stamp-dev ## all fault sweeps in full: hours (ARGS="-k malformed" for one, "-k 'malformed and part3'" for an eighth; GL2GH_SEED repeats a run)
	@GL2GH_TORTURE=1 TMPDIR=$(TEST_TMP) $(BIN)/python -m pytest -n $(WORKERS) -m torture --timeout=0 $(ARGS)

check: .venv/.stamp-dev .tools/.stamp-npm ## lint, types, floors, schemas, workflows, documents
	@$(BIN)/python tools/check.py $(ARGS)

docs: .tools/docs/.stamp ## build the documentation's site into build/docs; a dead link is an error
	@NO_MKDOCS_2_WARNING=1 .tools/docs/bin/mkdocs build --strict --quiet $(ARGS)

format: .venv/.stamp-dev ## let ruff format the code, and write the tables of the documents
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .
	@$(BIN)/python tools/readme.py

lock: .venv/.stamp-dev ## pin the requirements and the node programs anew
	@$(BIN)/python tools/lock.py $(ARGS)

setup: .venv/.stamp-dev .tools/.stamp-npm .tools/.stamp-openapi ## only the set-up

clean: ## remove what the targets made
	rm -rf .venv .tools build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

.venv/.stamp-runtime: requirements/build.txt requirements/runtime.txt pyproject.toml tools/setup
	@tools/setup runtime
	@touch $@

.venv/.stamp-dev: requirements/dev.txt pyproject.toml tools/setup
	@tools/setup dev
	@touch $@

.tools/docs/.stamp: requirements/docs.txt tools/setup
	@tools/setup docs
	@touch $@

# Order-only: where the machine has no node, the one from PyPI needs the virtual environment.
.tools/.stamp-npm: tools/package.json tools/package-lock.json tools/setup | .venv/.stamp-dev
	@tools/setup npm
	@touch $@

.tools/.stamp-openapi: tools/fetch-openapi.sh | .tools/.stamp-npm
	@tools/fetch-openapi.sh
	@touch $@
