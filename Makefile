VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip -qq --disable-pip-version-check install -c constraints.txt

.PHONY: help setup demo test check fix sure configuration benchmarks constraints

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/installed-tool ## install the tool into .venv

demo: $(VENV)/installed-tool ## a demo LMS and the tool on this machine; ARGS="--port 9000" passes options on
	@$(BIN)/lti-cert demo $(ARGS)

test: $(VENV)/installed-tests ## every test, or what ARGS names: ARGS=tests/unit
	@tests/e2e/install-browser
	@$(BIN)/python -m pytest -n logical --maxprocesses 8 $(ARGS)

check: $(VENV)/installed-tests ## format, lint, types, import floors
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

fix: $(VENV)/installed-tests ## bring everything into format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

sure: check test ## every gate that a change has to pass

configuration: $(VENV)/installed-tool ## write docs/configuration.md from the settings
	@PYTHONPATH=. $(BIN)/python tools/configuration.py > docs/configuration.md

benchmarks: $(VENV)/installed-tests ## measure, and write docs/performance.md: several minutes
	@$(BIN)/python -m benchmarks $(ARGS)

constraints: $(VENV)/installed-tests ## write down what .venv holds as the versions that work together
	@echo "# The versions that were tested together, as make constraints found them." > constraints.txt
	@$(BIN)/python -m pip freeze --all --exclude-editable --exclude pip >> constraints.txt

# Both stamps grow old when what is to be installed changes.
$(VENV)/installed-tool: setup.cfg constraints.txt | $(BIN)/pip
	@echo "Installing lti_cert into $(VENV): about half a minute …"
	@$(INSTALL) -e .
	@touch $@

$(VENV)/installed-tests: setup.cfg constraints.txt | $(BIN)/pip
	@echo "Installing lti_cert and what its tests need into $(VENV): about a minute …"
	@$(INSTALL) -e '.[test]'
	@touch $@ $(VENV)/installed-tool

$(BIN)/pip:
	@for python in python3.13 python3.12 python3.11 python3; do \
		$$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || continue; \
		echo "Making $(VENV) with $$python …"; \
		exec $$python -m venv --clear $(VENV); \
	done; \
	echo "No Python 3.11 or newer with venv was found. On Debian: apt install python3-venv" >&2; \
	exit 1
