# The two commands of the first minute: `make demo` runs the main job, `make test` proves it.
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
LAB    ?= captures/labs/laptop.toml
PYTEST_ARGS ?=
SOAK_SECONDS ?= 3600
SOAK_FILES   ?= .

.PHONY: help demo lab install test test-core test-tools check lint types docs catalogues pictures soak bench bench-% clean

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

test-tools:
	scripts/install-test-tools

check: lint types docs test ## the one gate: ruff, mypy strict, docs with doctests, tests

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m scripts.catalogues --check
	$(BIN)/lint-imports --no-logo

catalogues: $(STAMP) ## collect the texts of the code, compile their Russian
	$(BIN)/python -m scripts.catalogues

types: $(STAMP)
	$(BIN)/mypy

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

clean:           ## what the other targets made
	rm -rf $(VENV) docs/_build build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -f captures/labs/*.db* captures/labs/*/*.db* captures/labs/*-host-key*
