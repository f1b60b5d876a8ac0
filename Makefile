# Two commands for a newcomer: make repro, make test. Both set the environment up if needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: repro test check figures ui testbed bench quick lock help

help:  ## list the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -e 's/:.*## /\t/' | expand -t 12

$(READY): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is %s: make PYTHON=python3.11" % sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	touch $@

system:
	@command -v tshark >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq tshark >/dev/null; \
	  else \
	    echo "TShark is needed: apt-get install tshark (macOS: brew install wireshark)"; exit 1; \
	  fi; }

repro: $(READY) system  ## make every table and figure anew, and nothing that is up to date
	dvc repro
	@echo "Look at results/report/index.html, or make ui"

test: $(READY)  ## run all tests
	python -m pytest

check: $(READY)  ## lint and types
	ruff format --check .
	ruff check .
	mypy

figures: $(READY) system  ## tables, figures and report only, with what they need
	dvc repro report

ui: $(READY)  ## open the runs in MLflow on http://127.0.0.1:5000
	python -m stages.track
	mlflow ui --backend-store-uri sqlite:///mlflow.db --host 127.0.0.1 --port 5000

bench: $(READY) system  ## both readers, alternately: packets/s, ratio, memory (several minutes)
	python -m benchmarks.readers

quick: $(READY) system  ## the whole DAG on the tiny capture, in a folder of its own
	python -m tests.quick build/quick

testbed: $(READY)  ## record a new embedded capture (Linux, root)
	$(PYTHON) -m testbed record --out captures/testbed
	$(PYTHON) -m testbed tiny --captures captures/testbed --out captures/tiny
	$(PYTHON) -m testbed flows --captures captures/testbed
	$(PYTHON) -m testbed flows --captures captures/tiny

lock: $(READY)  ## pin requirements.txt anew from requirements.in
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet --requirement requirements.in
	(echo "# All that the project needs, at exact versions; made by \`make lock\` from requirements.in."; build/lock/bin/python -m pip freeze) > requirements.txt
