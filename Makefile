# `make demo` shows the whole path, `make test` runs the tests; each makes what it needs and reuses it afterwards.
.PHONY: help setup demo test test-long nightly lint format clean

VENV := .venv
LAVA := .venv-lava
BIN := $(VENV)/bin
# A file of tests has one process; each process computes on one thread.
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

help: ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

setup: $(VENV)/.ready $(LAVA)/.ready ## make .venv (the package) and .venv-lava (Lava and nengo-loihi alone)

$(VENV)/.ready: setup.cfg pyproject.toml constraints.txt .ci/environment
	@echo "Making $(VENV): about 120 packages. About 1 GB to fetch, 4 GB where PyTorch brings CUDA; 3 to 10 minutes."
	.ci/environment 3.11 $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt setuptools
	$(BIN)/python -m pip install -q -c constraints.txt --no-build-isolation -e '.[all,dev]'
	$(BIN)/python -m pip install -q -c constraints.txt --no-deps d3rlpy
	@touch $@

$(LAVA)/.ready: constraints-lava.txt .ci/environment
	@echo "Making $(LAVA): Lava and nengo-loihi, and Python 3.10 where there is none. About 0.1 GB to fetch; 1 to 3 minutes."
	.ci/environment 3.10 $(LAVA)
	$(LAVA)/bin/python -m pip install -q -c constraints-lava.txt lava-nc nengo-loihi
	@touch $@

demo: setup ## train pendulum, export it, run it and a shipped hand policy on the Loihi simulator
	examples/demo.sh

test: setup ## run the tests, but for the long ones that `.ci/run` adds
	$(PYTEST) -m 'not long'

test-long: setup ## run the long ones: hundreds of random programs on both emulators, whole trainings
	$(PYTEST) -m long

nightly: setup ## compare many more random programs with both emulators, policies with two others (two hours)
	DSF_NIGHTLY_PROGRAMS=200 $(BIN)/python -m pytest -s tests/neuro_runtime/simulators/lava/test_differential.py \
		tests/neuro_runtime/simulators/nengo_loihi/test_differential.py
	$(BIN)/python -m benchmarks.third_emulator env=pendulum
	$(BIN)/python -m benchmarks.third_emulator env=pen-e
	$(BIN)/python -m benchmarks.second_account
	.ci/environment 3.10 .venv-lava-dl
	.venv-lava-dl/bin/python -m pip install -q -c constraints-lava.txt lava-nc h5py==3.16.0
	.venv-lava-dl/bin/python -m pip install -q --no-deps lava-dl==0.6.0
	$(BIN)/python -m benchmarks.netx_in_lava_dl python=.venv-lava-dl/bin/python

lint: $(VENV)/.ready ## check style, types and import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -q tests/test_import_directions.py

format: $(VENV)/.ready ## let ruff format and repair what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove every environment and every cache; runs/ stays
	rm -rf $(VENV) $(LAVA) .venv-sanafe .venv-brian2-loihi .venv-lava-dl .uv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
