VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
# Other telephony SDKs, which only the client's benchmarks need, stay out of the tests' environment.
BENCH := .cache/bench
# Byte code is kept, where it is removed with the environment: the tests start many processes.
IN_VENV := env -u PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX=$(CURDIR)/$(VENV)/pycache
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help test fuzz pythons lint types demo serve bench chaos soak reference clean

help: ## list what one can do
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

# The environment is rebuilt only when the dependencies change.
$(VENV)/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[server]' --group dev
	@touch $@

$(BENCH)/.ready: pyproject.toml
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BENCH)/bin/python -m pip install --quiet --upgrade --editable . --group bench
	@touch $@

test: $(VENV)/.ready ## run the whole test suite
	$(IN_VENV) $(BIN)/python -m pytest --numprocesses 2 --dist loadgroup

fuzz: $(VENV)/.ready ## tens of thousands of made-up requests and inputs; none may be a failure
	HOIIO_FUZZ=20 $(BIN)/python -m pytest tests/integration/api/test_openapi_cases.py tests/unit/test_fuzz_parsers.py

demo: $(VENV)/.ready ## ring two real SIP phones, let them talk, hang up, and show the bill
	@$(IN_VENV) $(BIN)/python -m hoiio.demo

serve: $(VENV)/.ready ## start a service to play with, and two phones that answer
	@$(IN_VENV) $(BIN)/python -m hoiio.demo serve

bench: $(VENV)/.ready bench-client ## measure set-up time, capacity, delay, HTTP, notifications, storage and the client; some minutes
	@for program in $(filter-out benchmarks/soak.py benchmarks/chaos.py benchmarks/client_%.py,$(wildcard benchmarks/*.py)); do echo "== $$program"; $(BIN)/python $$program || exit 1; done

bench-client: $(BENCH)/.ready ## measure the client beside other SDKs; writes docs/benchmarks.*
	@for program in $(wildcard benchmarks/client_*.py); do echo "== $$program"; $(BENCH)/bin/python $$program || exit 1; done

chaos: $(VENV)/.ready ## kill and stop the service hundreds of times under load; nothing may be lost
	@$(BIN)/python benchmarks/chaos.py

soak: $(VENV)/.ready ## an hour of calls and conferences at half the ceiling; must end all well
	@$(BIN)/python benchmarks/soak.py

pythons: $(VENV)/.ready ## run the client's tests on every Python from 3.11 that is here
	$(BIN)/nox --envdir .cache/nox

lint: $(VENV)/.ready ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.ready ## check types with three checkers, and what they know of a user's code
	$(BIN)/mypy
	$(BIN)/basedpyright
	$(BIN)/pyrefly check

reference: $(VENV)/.ready ## write docs/reference-client.md anew from the docstrings
	$(BIN)/python tools/reference.py

clean: ## remove the environment and every cache
	rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis dist build
