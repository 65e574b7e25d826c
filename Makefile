# Everything a fresh clone needs: `make demo` runs the co-design loop, `make test` checks the house.
# Needs Python 3.11+, a C++ compiler, make and perl; the rest comes from the package index into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JOBS ?= 2
CASES ?= 1000
SEED ?=
ONLY ?=

.DEFAULT_GOAL := help
.PHONY: help demo test lint types unit formal fuzz bench-compress bench-cifar bench-rtl format clean distclean

help:  ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(STAMP)  ## the whole loop on scikit-learn's digits, into build/demo; resumes after Ctrl-C
	$(BIN)/codesign run examples/digits.toml --out build/demo

test: lint types unit  ## lint, type checker and all tests: what CI runs

lint: $(STAMP)  ## ruff, rules and format, and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache --no-logo

types: $(STAMP)  ## mypy
	$(BIN)/mypy

unit: $(STAMP)  ## pytest on JOBS cores (default 2)
	$(BIN)/pytest -n $(JOBS)

formal: $(STAMP)  ## prove queues, streams, bus rules, decoders and memories, and that each proof can fail
	$(BIN)/python -m tests.formal

fuzz: $(STAMP)  ## CASES random layers on random arrays, RTL against both models; SEED repeats a run
	$(BIN)/python -m tests.fuzz --jobs $(JOBS) --cases $(CASES) $(if $(SEED),--seed $(SEED))

bench-compress: $(STAMP)  ## what ADMM reaches on MNIST and CIFAR-10, into build/bench; ONLY=NAME runs some lines; resumes after Ctrl-C
	$(BIN)/python -m benchmarks.compression.bench --jobs $(JOBS) $(if $(ONLY),--only $(ONLY))

bench-cifar: $(STAMP)  ## ResNet-20 on CIFAR-10, pruned and quantized, into build/bench; resumes after Ctrl-C
	$(BIN)/python -m benchmarks.cifar.bench --jobs $(JOBS)

bench-rtl: $(STAMP)  ## what the array reaches: cycles, Verilog, area, stored bits, into build/bench; resumes after Ctrl-C
	$(BIN)/python -m benchmarks.array.bench --jobs $(JOBS)

format: $(STAMP)  ## let ruff correct what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove build/ and caches, keep .venv
	rm -rf build .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info

distclean: clean  ## remove .venv too
	rm -rf $(VENV)

# The stamp is written last, so an interrupted installation is done again.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "\nnext: make PYTHON=python3.12 " + "demo")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@
