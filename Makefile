# Everything a developer or CI runs. `make demo` and `make test` work on a fresh machine with Python 3.11, git, make and gcc.
PYTHON ?= python3
BIN := .venv/bin
export OMP_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= 1

.PHONY: demo test check format lint types contract tests install clean bench gallery

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[test]'
	mkdir -p .typing && ln -sfn .. .typing/dynascope
	touch $@

demo: install
	$(BIN)/dynascope demo

test: lint types contract tests

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

contract: install
	$(BIN)/lint-imports

tests: install
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install
	$(BIN)/python benchmarks/run.py

gallery: install
	$(BIN)/python docs/make_gallery.py

clean:
	rm -rf .venv .typing demo build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
