# Two commands: `make demo` and `make test`. Each makes .venv by itself when it is missing.

PYTHON ?= python3
BIN := .venv/bin

# Images of any size get from process to process; a profile of your own stays.
export FASTDDS_DEFAULT_PROFILES_FILE ?= $(CURDIR)/config/fastdds.xml
export FASTRTPS_DEFAULT_PROFILES_FILE ?= $(CURDIR)/config/fastdds.xml

.PHONY: help demo test .venv clean
.DEFAULT_GOAL := help

help: ## Show what can be made
	@sed -n 's/^\([a-z.]*\):.* ## /\1\t/p' Makefile

demo: .venv ## Teach the sample's three objects to the real nodes, and see how well they are found
	$(BIN)/automask demo $(ARGS)

test: .venv ## Lint, format, types, unit and integration tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest $(ARGS)

.venv: ## Make the virtual environment, or bring it up to date
	@$(PYTHON) tools/make_venv.py

clean: ## Remove the virtual environment and everything else that was made
	rm -rf .venv build install log demo *.egg-info .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
