# make demo    segment the sample CT that ships with the project; result in demo_output/
# make test    run the tests
# make lint    ruff and mypy
# make bench   run the benchmarks
# make lock    resolve constraints/py3.txt anew (needs uv)
# make clean   remove what the above made
#
# Everything is installed into .venv on first use. Variables:
#   PYTHON=python3.12                   the interpreter to start from, 3.10 or newer
#   TORCH="torch==X torchvision==Y"     another PyTorch than the pinned one; after make clean
#   PYTEST_FLAGS="-m 'not slow'"        passed on to pytest

PYTHON ?= python3
VENV ?= .venv
TORCH ?= torch==2.13.0 torchvision==0.28.0
PYTEST_FLAGS ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Torch is installed first and then held: a later package must not replace it by another build.
HELD_TORCH := $(VENV)/torch.txt
CONSTRAINTS := -c constraints/py3.txt -c $(HELD_TORCH)
SAMPLE := core/mobseg/resources/sample/ct.nii.gz

.DELETE_ON_ERROR:
.PHONY: demo test lint bench lock clean

demo: $(VENV)/inference.stamp
	$(BIN)/mobseg segment $(SAMPLE) -o demo_output --overwrite

test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest $(PYTEST_FLAGS)

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(VENV)/dev.stamp
	$(BIN)/python benchmarks/run.py

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	    { echo "Python 3.10 or newer is needed: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(HELD_TORCH): constraints/py3.txt constraints/no-cuda.txt | $(VENV)/bin/python
	PIP="$(PIP)" constraints/install_torch.sh $(TORCH)
	PIP_QUIET=0 $(PIP) list --format=freeze | grep -E '^(torch|torchvision)==' > $@

$(VENV)/inference.stamp: pyproject.toml $(HELD_TORCH)
	$(PIP) install $(CONSTRAINTS) -e '.[inference]'
	touch $@

$(VENV)/dev.stamp: $(VENV)/inference.stamp
	$(PIP) install $(CONSTRAINTS) -e '.[dev]'
	touch $@

lock:
	printf '%s\n' $(TORCH) | uv pip compile pyproject.toml --extra dev --universal \
	    --python-version 3.10 --no-annotate --no-header -c - \
	    | grep -vE '^(torch|torchvision|triton|cuda-.*|nvidia-.*)==' > constraints/py3.txt

clean:
	rm -rf $(VENV) demo_output build .pytest_cache .mypy_cache .ruff_cache
