# Everything a developer runs. `make` alone prints this list; `make test` and `make demo` set up what they need.
.DEFAULT_GOAL := help
.PHONY: help setup setup-demo demo demo-tamper demo-reset test check bench fmt trace mutate lock clean

export PATH := $(CURDIR)/.venv/bin:$(PATH):/usr/local/sbin:/usr/sbin:/sbin
TEST_WORKERS ?= 2
PYTEST_ARGS ?=
MUTATE_ARGS ?=
templates = $(shell find gate -name '*.html')

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: ## install what is missing for development and tests (fast when nothing is)
	@scripts/setup test

setup-demo:
	@scripts/setup demo

demo: setup-demo ## play the fictional organisation and serve it on loopback (DEMO_PORT)
	@gate demo

demo-tamper: setup-demo ## change one row of the demo's database behind the gate's back
	@gate demo-tamper

demo-reset: ## remove what the demo made
	rm -rf .demo

test: setup ## run all tests (TEST_WORKERS, PYTEST_ARGS); results go to .trace/results.json
	@python -m pytest -n $(TEST_WORKERS) --dist loadfile $(PYTEST_ARGS)

check: setup ## formatting, lint, types, import contracts, templates
	ruff format --check .
	ruff check .
	mypy
	lint-imports --no-logo
	$(if $(templates),djlint --quiet --check --lint $(templates))

bench: setup ## measure; prints a table and writes .bench/results.json
	@python -m bench

fmt: setup ## format the code and mend what can be mended by itself
	ruff check --fix-only .
	ruff format .
	$(if $(templates),-djlint --quiet --reformat $(templates))

mutate: setup ## change the evaluator bit by bit; fails on what no test notices (MUTATE_ARGS="--changed COMMIT --budget 240")
	@python scripts/mutate.py $(MUTATE_ARGS)

trace: setup ## requirement, tests, last result; fails when a requirement is not shown
	@python scripts/trace.py

lock: setup ## compile requirements/*.txt anew (needs uv on PATH)
	@scripts/lock

clean: ## remove what tests, demo and benchmarks left (keeps .venv and instance/)
	rm -rf .demo .bench .trace .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage build
