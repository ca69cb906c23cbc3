# Everything runs in .venv, made from requirements.lock. Needs git, make and Python >= 3.10.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test contract chaos observability collector dashboards pictures bench bench-capacity \
	bench-polling bench-payload fuzz lint format check compatibility lock clean

help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/' | expand -t 22

demo: $(VENV)/.installed ## Run a federated logistic regression over four hospitals on this machine
	@$(BIN)/v6client demo

test: $(VENV)/.installed ## Run the tests
	@$(BIN)/python -m pytest

contract: $(VENV)/.installed ## Hold the sandbox and the real vantage6 (4.15.2, 4.9.1) against one contract
	@for version in 4.15.2 4.9.1 tools-4.15.2; do \
		$(BIN)/python tests/contract/real/install.py --version $$version || [ $$? -eq 3 ] || exit 1; \
	done
	@$(BIN)/python tests/contract/real/azurite.py || [ $$? -eq 3 ]
	@CONTRACT_OLDER=1 $(BIN)/python -m pytest tests/contract

chaos: $(VENV)/.installed ## Run 200 regressions under faults (RUNS=200 SHARE=0.2 SEED=1)
	@$(BIN)/python -m tests.chaos --runs $(or $(RUNS),200) --share $(or $(SHARE),0.2) --seed $(or $(SEED),1)

bench: $(VENV)/.installed ## Speed against upstream's client and others; writes docs/benchmarks.md (needs make contract; ROUNDS=7)
	@$(BIN)/python -m benchmarks.speed --rounds $(or $(ROUNDS),7) --write

bench-capacity: $(VENV)/.installed ## How many containers the real proxy carries; writes docs/proxy-capacity.md (needs make contract; a quarter of an hour)
	@$(BIN)/python -m benchmarks.capacity

bench-payload: $(VENV)/.installed ## What a large result costs, against upstream's client (needs make contract)
	@$(BIN)/python -m benchmarks.payload

fuzz: $(VENV)/.installed ## A million broken payloads (CASES=1000000 SEED=1)
	@$(BIN)/python -m tests.fuzz --cases $(or $(CASES),1000000) --seed $(or $(SEED),1)

observability: $(VENV)/.installed ## Run what is in deploy/ for real: collector, Jaeger, Prometheus, each alert
	@$(BIN)/python -m tests.observability.install || [ $$? -eq 3 ]
	@$(BIN)/python -m tests.dashboards.typescript || [ $$? -eq 3 ]
	@$(BIN)/python -m pytest tests/observability tests/dashboards tests/deploy

collector: $(VENV)/.installed ## Build OpenTelemetry's collector with what deploy/collector uses
	@$(BIN)/python -m tests.observability.install collector

dashboards: $(VENV)/.installed ## Write the dashboards' JSON from their code (needs Python 3.11)
	@$(BIN)/python -m dashboards

pictures: $(VENV)/.installed ## Draw the dashboards for docs/ from a real run (needs make observability)
	@$(BIN)/python -m tests.observability.pictures

lint: $(VENV)/.installed ## Check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(VENV)/.installed ## Write the code as the style wants it
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

check: lint test ## Lint and test: what CI does

compatibility: $(VENV)/.installed ## Check that it installs beside vantage6's tools
	@$(BIN)/python tests/compatibility/check.py

bench-polling: $(VENV)/.installed ## Compare the polling schedules and write docs/polling.md (SEED=1 ALGORITHMS=40 ROUNDS=40)
	@$(BIN)/python -m benchmarks.polling --seed $(or $(SEED),1) --algorithms $(or $(ALGORITHMS),40) --rounds $(or $(ROUNDS),40)

lock: ## Renew requirements.lock from pyproject.toml (needs uv)
	uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-header \
		--no-emit-package v6client --all-extras --group dev -o requirements.lock pyproject.toml

clean: ## Remove the virtual environment and all caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis dist

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "v6client needs Python 3.10 or newer; name one with: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Setting up $(VENV) from requirements.lock (about 30 s the first time) ..."
	@$(PYTHON) -m venv $(VENV) || \
		{ echo "'$(PYTHON) -m venv' does not work here; on Debian type: apt install python3-venv"; exit 1; }
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements.lock
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation -e .
	@touch $@
