# make demo    run the pipeline on this machine, on real data, without AWS or Docker; DATA=my.csv LABEL=column on yours
# make demo-drift  see a model drift in service, be announced and retrained, on this machine; PORT=4567
# make test    run all checks, exactly as CI does
# make cover   run the same tests with coverage
# make e2e     run only the tests that deploy with the CDK CLI, SeedFarmer and the AWS CLI
# make lock    update the locks, after changing pyproject.toml or package.json
# make schema  regenerate the JSON Schema of input.yaml, after changing stages or botocore
# make docs    regenerate the tables and diagrams in README.md and docs/, after changing what they show
# make aws-check  check on AWS what this module assumes, in your account, and remove everything again; YES=1 asks nothing
# make bench   measure what the module costs in time, size and money (docs/performance.md); ROWS="synth lambda" for some
# make soak    attack environments for ten minutes and report what they lost; SECONDS=60 or MINUTES=3, SEED=1
# make sbom    write out/sbom.json: all packages with versions and licences, in CycloneDX
# make tour    record the tour in docs/cli.md and the pictures in docs/images
# make clean   remove everything that make created
.PHONY: demo demo-drift test style types tests cover e2e lock schema docs aws-check bench soak sbom tour clean

# Setup mostly waits for downloads.
MAKEFLAGS += --jobs=4
PYTHON ?= python3
STARTED := $(shell date +%s)
BIN := .venv/bin
# What this user's other checkouts can use, too; see requirements/bytecode.py.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/mlops-stepfunctions
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Compile bytecode on first import: most of the CDK is never imported, and compiling all of it takes a minute. It is kept.
unexport PYTHONDONTWRITEBYTECODE
# One process more than CI has cores, since the tests often wait; tests/conftest.py keeps some of them together.
PYTEST := $(BIN)/python -m pytest --numprocesses=3 --dist=loadfile --no-loadscope-reorder --max-worker-restart=0 --durations=20 --durations-min=1
export JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION := 1

demo: .venv/image.done node_modules/local.done
	@$(BIN)/mlops local run --since $(STARTED) $(if $(INPUT),--input '$(INPUT)') $(if $(DATA),--data '$(DATA)') \
		$(if $(LABEL),--label '$(LABEL)') $(if $(PROBLEM),--problem '$(PROBLEM)') \
		$(if $(SCRIPTS),--scripts '$(SCRIPTS)') $(if $(PORT),--port '$(PORT)') \
		$(if $(INPUT)$(SCRIPTS),,--override monitoring.run=true)
	@$(PYTHON) requirements/bytecode.py keep

demo-drift: .venv/image.done node_modules/local.done
	@$(BIN)/python -m local.drift_demo $(PORT)

# Checks that only read the code run in parallel with the rest of the setup, which the tests need; those tests that use
# the clients are not the first, and wait for them.
test: style types .venv-clients/clients.done tests

style: .venv/dev.done
	$(BIN)/ruff check
	$(BIN)/ruff format --check

# It checks what has changed since it last ran in any checkout. Its cache is made of files, since its database allows one
# process at a time.
types: .venv/dev.done
	$(BIN)/mypy --cache-dir '$(CACHE)/mypy' --no-sqlite-cache
	$(BIN)/mypy --cache-dir '$(CACHE)/mypy' --no-sqlite-cache --python-version 3.10 scripts # the oldest that mypy knows

tests: .venv/dev.done .venv/image.done .venv/audit.done node_modules/dev.done
	$(PYTEST) --await-clients=300
	@$(PYTHON) requirements/bytecode.py keep

cover: .venv/dev.done .venv/audit.done node_modules/dev.done .venv-clients/clients.done
	$(PYTEST) --cov

e2e: .venv/dev.done node_modules/local.done .venv-clients/clients.done
	$(BIN)/python -m pytest -m clients --durations=8

# Each target installs one lock with requirements/install.py; see there.
INSTALL = @$(PYTHON) requirements/install.py
# What another checkout has compiled need not be compiled again.
LINK = @$(PYTHON) requirements/bytecode.py link
.venv/local.done: requirements/local.txt requirements/uv.txt pyproject.toml
	$(INSTALL) local
	$(LINK)
	@touch $@
# Otherwise the first job installs them.
.venv/image.done: .venv/local.done $(wildcard sagemaker_local/image_locks/*.txt)
	@$(BIN)/python -m local.images
	@touch $@
.venv/dev.done: requirements/dev.txt .venv/local.done
	$(INSTALL) dev
	$(LINK)
	@touch $@
.venv/audit.done: requirements/audit.txt .venv/local.done
	$(INSTALL) audit
	$(LINK)
	@touch $@
.venv-clients/clients.done: requirements/clients.txt requirements/oldest-pip.txt requirements.txt package-lock.json .venv/local.done
	$(INSTALL) clients
	$(LINK)
	@touch $@
node_modules/local.done: package-lock.json .venv/local.done
	$(INSTALL) node
	@touch $@
node_modules/dev.done: package-lock.json .venv/local.done
	$(INSTALL) node-dev
	@touch node_modules/local.done $@

# Packages shared by the first three locks have the same version in each.
LOCK = $(BIN)/uv pip compile --no-config --quiet --upgrade --universal --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-strip-extras
COMPILE = @$(LOCK) --python-version 3.11
lock: .venv/local.done
	$(COMPILE) pyproject.toml --extra local --extra dev --output-file requirements/dev.txt
	$(COMPILE) pyproject.toml --extra local --constraint requirements/dev.txt --output-file requirements/local.txt
	$(COMPILE) pyproject.toml --constraint requirements/dev.txt --output-file requirements.txt
	$(COMPILE) --group audit --output-file requirements/audit.txt
	$(COMPILE) --group clients --output-file requirements/clients.txt
	$(COMPILE) --group uv --output-file requirements/uv.txt
	@for list in sagemaker_local/image_locks/*.in; do \
		$(LOCK) --python-version "$$(sed -n 's/^# python //p' "$$list")" "$$list" --output-file "$${list%.in}.txt" || exit 1; done
	$(COMPILE) --group oldest-pip --output-file requirements/oldest-pip.txt
	@$(BIN)/npm install --package-lock-only --no-audit --no-fund

aws-check: .venv/local.done node_modules/local.done
	@$(BIN)/python -m aws_check $(if $(YES),--yes) $(if $(OUT),--out '$(OUT)')

bench: .venv/local.done node_modules/local.done
	@$(BIN)/python -m benchmarks $(ROWS) $(if $(REFERENCE),--reference '$(REFERENCE)')

soak: .venv/dev.done node_modules/local.done
	@$(BIN)/python -m tests.soak --json out/soak.json $(if $(SEED),--seed '$(SEED)') \
		$(if $(SECONDS),--seconds '$(SECONDS)',$(if $(MINUTES),--seconds "$$(($(MINUTES) * 60))"))

sbom: .venv/dev.done .venv/audit.done node_modules/dev.done .venv-clients/clients.done
	@$(BIN)/python requirements/sbom.py out/sbom.json

tour: .venv/local.done node_modules/dev.done
	@mkdir -p out docs/images
	@docs/tour.sh > out/tour.txt
	@$(BIN)/python docs/tour.py out/tour.txt
	@$(BIN)/node tests/report/browser.mjs --pictures docs/images out/report.html

schema: .venv/local.done
	@$(BIN)/python -m pipeline.schema

docs: .venv/local.done
	@$(BIN)/python -m docs.tables

clean:
	rm -rf .venv .venv-clients node_modules cdk.out out .mypy_cache .pytest_cache .ruff_cache
