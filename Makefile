# Everything is installed into a virtual environment of the project's own. pip's variables (PIP_INDEX_URL, PIP_EXTRA_INDEX_URL,
# PIP_FIND_LINKS, ...) pass through: name an index of CPU-only builds there to spare yourself the CUDA libraries.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
export HF_HUB_OFFLINE ?= 1
export TOKENIZERS_PARALLELISM ?= false

.PHONY: help demo test lint format locked clean
.DEFAULT_GOAL := help

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.core ## Install what is missing, then attack the embedded linkers on the embedded world
	$(BIN)/robustmel demo

test: $(VENV)/.dev ## Install what is missing, then run the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/.dev ## ruff (lint and format) and mypy, strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev ## Put the code into its standard form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

locked: $(BIN)/python ## Install the very files whose digests locked.txt holds (Linux, x86-64, Python 3.11)
	$(PIP) install --quiet --only-binary :all: --require-hashes --no-deps -r locked.txt
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	touch $(VENV)/.core $(VENV)/.dev

clean: ## Remove the virtual environment and the caches (never a store or a run)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with PYTHON=...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) install --quiet -c constraints.txt -e .
	touch $@

$(VENV)/.dev: $(VENV)/.core
	$(PIP) install --quiet -c constraints.txt -e '.[dev]'
	$(PIP) install --quiet -c constraints.txt --no-deps torchattacks
	touch $@
