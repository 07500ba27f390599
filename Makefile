# The two commands of the first minute: `make demo` runs the main job, `make test` proves it.
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
LAB    ?= captures/labs/laptop.toml
PYTEST_ARGS ?=
KILLS  ?= 200
LONGER ?= 50
SOAK_SECONDS ?= 3600
SOAK_FILES   ?= .
CODE   := protocol e1 radius ssh_control sorm_mediator captures scripts
AUDIT  ?=
ROOM   ?= all
SAMPLE ?= 60
SEED   ?= 1
FUZZ_SECONDS ?= 300
FUZZ_TARGETS ?= codec parsers captures/labs/minimal.toml captures/labs/e1.toml
FUZZ_ARGS ?=

.PHONY: help demo lab install test test-core kill invariants test-tools check lint types \
	docs catalogues pictures bench bench-% clean soak security audit sbom mutants fuzz

help:            ## what there is
	@grep -hE '^[a-z%-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 16

demo: $(STAMP)   ## a whole lab on free loopback ports: the built-in scenarios, a PASS/FAIL table
	$(BIN)/sorm-mediator demo

lab: $(STAMP)    ## switch + mediator + web until Ctrl-C (LAB=file.toml)
	$(BIN)/sorm-mediator lab -c $(LAB)

install: $(STAMP) ## the command .venv/bin/sorm-mediator
	@echo "installed: $(BIN)/sorm-mediator"

$(STAMP): pyproject.toml scripts/make-venv
	scripts/make-venv $(VENV)
	touch $@

test: $(STAMP) test-tools ## all tests; a tool that is missing and may not be installed is a counted skip
	$(BIN)/pytest -n auto $(PYTEST_ARGS)

test-core: $(STAMP) ## the tests of what decides, without processes and sockets: less than a minute
	$(BIN)/pytest -n auto -m core $(PYTEST_ARGS)

kill: $(STAMP)   ## kill -9 a gateway under load 200 times (KILLS=n): what was confirmed is there afterwards
	SORM_TEST_KILLS=$(KILLS) $(BIN)/pytest -q -s tests/mediator/test_gateway_kill.py

invariants: $(STAMP) ## the state machines of the tests, 50 times as long (LONGER=n): docs/invariants.md
	HYPOTHESIS_PROFILE=long SORM_TEST_LONGER=$(LONGER) $(BIN)/pytest -q -n auto \
		tests/invariants tests/mediator/test_core_machine.py

test-tools:
	scripts/install-test-tools

check: lint types security docs test ## the one gate: ruff, mypy strict, security, docs with doctests, tests
	@$(BIN)/python -m scripts.supply told

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m scripts.catalogues --check
	$(BIN)/lint-imports --no-logo

catalogues: $(STAMP) ## collect the texts of the code, compile their Russian
	$(BIN)/python -m scripts.catalogues

types: $(STAMP)
	$(BIN)/mypy

security: $(STAMP) sbom audit ## bandit, known vulnerabilities of what is installed, the list of components
	@mkdir -p build
	$(BIN)/bandit -q -c pyproject.toml -r $(CODE) 2> build/bandit.log || { cat build/bandit.log >&2; exit 1; }

audit: $(STAMP)  ## known vulnerabilities; AUDIT=--strict fails where the index can't be asked
	$(BIN)/python -m scripts.supply audit $(AUDIT)

sbom: $(STAMP)   ## dist/sbom.json (CycloneDX): what an installed copy needs
	$(BIN)/python -m scripts.supply sbom

mutants: $(STAMP) ## changes of ROOM's code that its tests do not notice (ROOM=protocol SAMPLE=60 SEED=1)
	$(BIN)/python -m scripts.mutants $(ROOM) --sample $(SAMPLE) --seed $(SEED)

docs: $(STAMP)   ## docs/_build/html; warnings are errors, doctests run
	$(BIN)/python -m docs.generate --check
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html
	$(BIN)/sphinx-build -q -W -b doctest docs docs/_build/doctest

pictures: $(STAMP) test-tools ## the pictures of the docs anew, taken by the tests of the pages
	SORM_PICTURES=1 $(BIN)/pytest -q tests/web/test_pages_live.py tests/web/test_pages_boxes.py \
		tests/web/test_pages_settings.py tests/web/test_pages_tools.py

soak: $(STAMP)   ## a lab for SOAK_SECONDS under load, faults and fuzzing: leaks, losses; soak.html, soak.png, soak.json
	$(BIN)/sorm-mediator soak --duration $(SOAK_SECONDS)s --report $(SOAK_FILES)/soak.html --plot $(SOAK_FILES)/soak.png \
		--json $(SOAK_FILES)/soak.json --junit $(SOAK_FILES)/soak.xml --findings $(SOAK_FILES)/fuzz-findings

bench: $(STAMP) test-tools  ## every section, as ratios within one run; bench/results.json
	$(BIN)/python -m bench

bench-%: $(STAMP)
	$(BIN)/python -m bench $*

# Each target has its share of the time. All are run, also when one has found something.
fuzz: $(STAMP)   ## inputs that nobody would write, for FUZZ_SECONDS (300); findings in fuzz-findings/
	@share=$$(( $(FUZZ_SECONDS) / $(words $(FUZZ_TARGETS)) )); code=0; \
	for target in $(FUZZ_TARGETS); do \
		$(BIN)/sorm-mediator fuzz --target $$target --seconds $$share --junit fuzz-$$(basename $$target .toml).xml $(FUZZ_ARGS) || code=1; \
	done; exit $$code

clean:           ## what the other targets made
	rm -rf $(VENV) docs/_build build dist fuzz-findings fuzz-*.xml *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -f captures/labs/*.db* captures/labs/*/*.db* captures/labs/*-host-key*
