# What a person does here. Everything installs what it needs first; a second call costs nothing.
PYTHON := .venv/bin/python
DEV := ./studio install --dev
ARGS ?=
DATA ?=
TASK ?=

.DEFAULT_GOAL := help
.PHONY: help run demo lint check test fix bench screenshots lock

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 14

run: ## start the studio on this machine (options in ARGS="--port 9000")
	@./studio run $(ARGS)

demo: ## start it and go from images to a model (TASK=id, DATA=folder for your own)
	@./studio demo $(if $(TASK),--task "$(TASK)") $(if $(DATA),--data "$(DATA)") $(ARGS)

lint: ## style, types and import contracts
	@$(DEV)
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports

check: lint ## the same and the fast tests; under two minutes
	$(PYTHON) -m pytest -m "not slow"

test: ## every test, with real services, training and a browser
	@$(DEV)
	$(PYTHON) -m pytest $(ARGS)

fix: ## mend what ruff can mend
	@$(DEV)
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

bench: ## every benchmark in scripts/bench
	@$(DEV)
	$(PYTHON) -m scripts.bench

screenshots: ## a picture of every page in both themes, into screenshots/
	@$(DEV)
	$(PYTHON) -m scripts.screenshots

lock: ## write the lock files after a change of requirements/*.in (needs uv)
	requirements/lock.sh
