# fer_ros without ROS 2: `make demo` and `make test` set everything up by themselves.
# On ROS 2, build with colcon instead (see README.md).

# A Python for which Cyclone DDS has a wheel (3.10 to 3.13), if there is one; else 3.14.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.10 python3.14; do \
	$$p -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& echo $$p && break; done || true)
ifeq ($(PYTHON),)
PYTHON := python3
endif

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check

# A sourced ROS 2 puts its own Python folders first: its pytest plugins (launch_testing) stop newer
# pytests, and a built fer_ros hides this one. The environment below cannot use that rclpy anyway.
unexport PYTHONPATH

RUN := OMP_NUM_THREADS=1 $(BIN)/python
# A worker a core; each is a process with a DDS domain of its own.
PARALLEL := -n auto --maxprocesses 8 --dist worksteal

.PHONY: help demo demo-ros test test-fast test-slow test-ros lint bench clean

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/demo.ok ## Camera, node and subscriber over real DDS or Zenoh; saves an annotated picture
	@$(BIN)/fer-ros demo

test: $(VENV)/test.ok lint ## Everything but the slow tests
	$(RUN) -m pytest $(PARALLEL)

test-fast: $(VENV)/test.ok ## Without the training package
	$(RUN) -m pytest $(PARALLEL) --ignore test/training

test-slow: $(VENV)/test.ok ## The tests that take longer
	$(RUN) -m pytest -m slow

# Third-party wheels hold parts of ROS 2 Jazzy and Kilted (x86-64 only). They are no substitute for a ROS 2
# from apt, and nothing but these two targets uses them. DISTRO=kilted takes those of Kilted.
DISTRO ?= jazzy
test-ros demo-ros: export FER_ROS_WHEELS := $(DISTRO)

test-ros: ## The node on a real rclpy over Fast DDS, built by colcon on wheels of ROS 2
	@$(PYTHON) tools/ros_wheels/ros_wheels.py test

demo-ros: ## Camera, node and subscriber on that rclpy
	@$(PYTHON) tools/ros_wheels/ros_wheels.py demo

lint: $(VENV)/test.ok ## Style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/demo.ok ## Latency, CPU and memory of networks, pipeline and DDS
	$(BIN)/fer-ros bench

clean: ## Remove the environment and what the tools left
	rm -rf $(VENV) .venv-ros .venv-ros-kilted build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 10) <= v <= (3, 14) \
	else "fer_ros needs Python 3.10 to 3.14, this is %d.%d; try make PYTHON=/path/to/python3" % v)'
	@echo "Setting up $(VENV) with $$($(PYTHON) --version) ..."
	@$(PYTHON) -m venv $(VENV) || { echo "python3 -m venv failed; on Debian or Ubuntu: apt-get install python3-venv"; exit 1; }

$(VENV)/demo.ok: pyproject.toml setup.py | $(BIN)/python
	@echo "Installing fer_ros (about 450 MB with its libraries) ..."
	@$(PIP) -c constraints.txt -e '.[dds,zenoh,web,video]'
	@touch $@

$(VENV)/test.ok: pyproject.toml setup.py fer_training/setup.py constraints.txt | $(BIN)/python
	@echo "Installing fer_ros with training and test tools (about 1.5 GB) ..."
	@$(PIP) -c constraints.txt -e '.[dds,zenoh,train,test]' -e ./fer_training
	@touch $@ $(VENV)/demo.ok
