# Two commands: `make demo` and `make test`. Each makes its environment by itself when it is missing:
# .venv with ROS 2 Jazzy, or with ROS_DISTRO=kilted an environment beside it with ROS 2 Kilted. A
# sourced ROS 2 sets ROS_DISTRO, and is used.

PYTHON ?= python3
ROS_DISTRO ?= jazzy
VENV := .venv$(addprefix -,$(filter-out jazzy,$(ROS_DISTRO)))
BIN := $(VENV)/bin

# Images of any size get from process to process; a profile of your own stays. Jazzy has Fast DDS 2.
FASTDDS := $(if $(filter jazzy,$(ROS_DISTRO)),FASTRTPS,FASTDDS)
export $(FASTDDS)_DEFAULT_PROFILES_FILE ?= $(CURDIR)/config/fastdds.xml

.PHONY: help demo test soak .venv clean
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

soak: .venv ## Make faults by the hundreds and for hours: kills, full disks, damage, bad messages
	$(BIN)/pytest test/faults --soak $(ARGS)

.venv: ## Make the virtual environment, or bring it up to date
	@$(PYTHON) tools/make_venv.py "$(ROS_DISTRO)" "$(VENV)"

clean: ## Remove the virtual environments and everything else that was made
	rm -rf .venv .venv-kilted build install log demo *.egg-info .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
