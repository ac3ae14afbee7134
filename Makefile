# make demo   train for a few minutes on real MNIST; ends with a grid and a GIF
# make test   lint, types, and every test
# make test-faults  kill, damage and starve real runs; 18 minutes on 2 cores
# make docs   write docs/configuration.md from the settings, the notebook from its script
# make bench  this program against the tutorial's own code and PyTorch, here, for half an hour or so

VENV := .venv
BIN := $(VENV)/bin
# The first Python 3.11 to 3.13 there is. `make demo PYTHON=/path/to/python` names another.
PYTHON ?= $(shell for p in python3.12 python3.11 python3.13 python3 python; do \
  $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
  && echo $$p && break; done)
PIP_INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt

.PHONY: demo test test-faults lint docs bench clean

demo: $(VENV)/installed
	$(BIN)/dcgan train experiment=quick
	$(BIN)/dcgan sample --n 64 --out runs/latest/grid.png
	$(BIN)/dcgan animate --walk --out runs/latest/walk.gif

test: lint
	$(BIN)/python -m pytest -n auto --dist worksteal

test-faults: $(VENV)/installed-dev
	$(BIN)/python -m pytest -m slow -rs -s tests

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/installed-dev
	$(BIN)/python -c 'from dcgan_cli.hydra_cli.help import configuration_page as page; print(page(), end="")' \
	  > docs/configuration.md
	$(BIN)/jupytext --quiet --update --to ipynb docs/notebook.py

bench: $(VENV)/installed-bench
	$(BIN)/python -m benchmarks.compare --json bench.json
	for size in 32 64 128; do $(BIN)/python -m benchmarks.compare --size $$size --json bench_$$size.json; done
	$(BIN)/python -m benchmarks.epoch_time
	$(BIN)/python -m benchmarks.around
	$(BIN)/python -m benchmarks.operations

$(VENV)/created:
	@test -n "$(PYTHON)" || { echo "dcgan needs Python 3.11, 3.12 or 3.13; say where: make PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/installed: $(VENV)/created pyproject.toml constraints.txt
	$(PIP_INSTALL) --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/created pyproject.toml constraints.txt
	$(PIP_INSTALL) --editable '.[dev]'
	touch $@ $(VENV)/installed

$(VENV)/installed-bench: $(VENV)/created pyproject.toml constraints.txt
	$(PIP_INSTALL) --editable '.[bench]'
	touch $@ $(VENV)/installed

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
