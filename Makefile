# make demo    the pipeline on this machine, on real data, without AWS and without Docker
# make test    all checks, exactly as CI runs them
# make cover   the same tests, and which lines of the code they run
# make e2e     of these, only the deployments by the CDK CLI, SeedFarmer and the AWS CLI
# make lock    new locks, after a change of pyproject.toml or package.json
# make schema  the JSON Schema of input.yaml anew, after a change of the stages or of botocore
# make bench   measures what the module costs in time, size and money (docs/performance.md); ROWS="synth lambda" some of it
# make soak    attacks environments for ten minutes, and says what they lost; SECONDS=60 or MINUTES=3, SEED=1
# make sbom    out/sbom.json: all packages with versions and licences, in CycloneDX
# make tour    the tour in README.md and the pictures in docs/images anew
# make clean   removes what make made
.PHONY: demo test style types tests cover e2e lock schema bench soak sbom tour clean

# What is set up waits for downloads more than it works.
MAKEFLAGS += --jobs=4
PYTHON ?= python3
STARTED := $(shell date +%s)
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Bytecode is made when a module is first imported: most of the CDK never is, and compiling it all takes a minute.
unexport PYTHONDONTWRITEBYTECODE
INSTALL := $(BIN)/python -m pip install --quiet --no-compile
NPM := $(BIN)/npm ci --silent --no-audit --no-fund
OR_EXPLAIN := || { echo "error: the packages could not be installed; the set-up needs PyPI and the npm registry," \
	"or mirrors of them" >&2; exit 1; }
# One process more than CI has cores, since the tests wait much; tests/conftest.py says which of them stay together.
PYTEST := $(BIN)/python -m pytest --numprocesses=3 --dist=loadfile --no-loadscope-reorder --max-worker-restart=0
export JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION := 1

demo: .venv/local.done node_modules/local.done
	@$(BIN)/mlops local run --since $(STARTED) $(if $(INPUT),--input '$(INPUT)') $(if $(DATA),--data '$(DATA)') \
		$(if $(SCRIPTS),--scripts '$(SCRIPTS)') $(if $(PORT),--port '$(PORT)')

# What reads the code goes on beside the rest of the set-up, which the tests need.
test: style types tests

style: .venv/dev.done
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: .venv/dev.done
	$(BIN)/mypy

tests: .venv/dev.done .venv/audit.done node_modules/dev.done .venv-clients/clients.done
	$(PYTEST)

cover: .venv/dev.done .venv/audit.done node_modules/dev.done .venv-clients/clients.done
	$(PYTEST) --cov

e2e: .venv/dev.done node_modules/local.done .venv-clients/clients.done
	$(BIN)/python -m pytest -m clients --durations=8

.venv/local.done: requirements-local.txt pyproject.toml | .venv/bin/python
	@echo "Setting up .venv and the CDK CLI, once; it takes a minute or two ..."
	@$(INSTALL) --require-hashes -r requirements-local.txt $(OR_EXPLAIN)
	@$(INSTALL) --no-deps --no-index --no-build-isolation --editable .
	@touch $@

.venv/dev.done: requirements-dev.txt .venv/local.done
	@echo "Setting up what the tests need, once ..."
	@$(INSTALL) --require-hashes -r requirements-dev.txt $(OR_EXPLAIN)
	@touch $@

.venv/audit.done: requirements-audit.txt | .venv/bin/python
	@echo "Setting up what audits the template, once ..."
	@$(BIN)/python -m venv .venv/audit
	@.venv/audit/bin/python -m pip install --quiet --no-compile --require-hashes -r requirements-audit.txt $(OR_EXPLAIN)
	@touch $@

node_modules/local.done: package-lock.json .venv/local.done
	@$(NPM) --omit=dev $(OR_EXPLAIN)
	@touch $@

node_modules/dev.done: package-lock.json .venv/local.done
	@$(NPM) $(OR_EXPLAIN)
	@touch node_modules/local.done $@

# The wheels and npm's cache stay beside the clients: the tests deploy as a user would, but take no package from elsewhere.
.venv-clients/clients.done: requirements-clients.txt requirements.txt package-lock.json .venv/local.done
	@echo "Setting up the clients that deploy the module, once ..."
	@rm -rf .venv-clients && $(BIN)/python -m venv .venv-clients
	@for lock in requirements.txt requirements-clients.txt; do .venv-clients/bin/python -m pip download --quiet --no-deps \
		--require-hashes --dest .venv-clients/wheels -r $$lock $(OR_EXPLAIN); done
	@.venv-clients/bin/python -m pip install --quiet --no-compile --no-index --find-links .venv-clients/wheels \
		--require-hashes -r requirements-clients.txt
	@mkdir .venv-clients/module && cp package.json package-lock.json .venv-clients/module
	@cd .venv-clients/module && npm ci --omit=dev --cache ../npm --silent --no-audit --no-fund $(OR_EXPLAIN)
	@rm -rf .venv-clients/module
	@touch $@

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "error: Python 3.11 or newer is needed, $(PYTHON) is not that; name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { \
		echo "error: $(PYTHON) could not make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; \
		rm -rf .venv; exit 1; }

lock:
	@$(INSTALL) uv
	@for name in "" "-local --extra local" "-dev --extra local --extra dev"; do \
		set -- $$name; suffix=$$1; [ $$# -gt 0 ] && shift; \
		$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
			--no-emit-index-url --no-annotate pyproject.toml "$$@" --output-file requirements$$suffix.txt || exit 1; done
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-annotate --group pyproject.toml:clients --output-file requirements-clients.txt
	@sed -n '/^audit = \[/,/^\]/s/^ *"\([^"]*\)".*/\1/p' pyproject.toml | $(BIN)/uv pip compile --quiet --upgrade --universal \
		--python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate - \
		--output-file requirements-audit.txt
	@$(BIN)/npm install --package-lock-only --no-audit --no-fund

bench: .venv/local.done node_modules/local.done
	@$(BIN)/python -m benchmarks $(ROWS) $(if $(REFERENCE),--reference '$(REFERENCE)')

soak: .venv/dev.done node_modules/local.done
	@$(BIN)/python -m tests.soak --json out/soak.json $(if $(SEED),--seed '$(SEED)') \
		$(if $(SECONDS),--seconds '$(SECONDS)',$(if $(MINUTES),--seconds "$$(($(MINUTES) * 60))"))

sbom: .venv/dev.done .venv/audit.done node_modules/dev.done .venv-clients/clients.done
	@$(BIN)/python sbom.py out/sbom.json

tour: .venv/local.done node_modules/dev.done
	@docs/tour.sh > out/tour.txt
	@$(BIN)/python docs/tour.py out/tour.txt
	@mkdir -p docs/images
	@$(BIN)/node tests/report/browser.mjs --pictures docs/images out/report.html

schema: .venv/local.done
	@$(BIN)/python -m pipeline.schema

clean:
	rm -rf .venv .venv-clients node_modules cdk.out out .mypy_cache .pytest_cache .ruff_cache
