# Two commands for a newcomer: make repro, make test. Both set the environment up if needed.
# TShark, Argus and the testbed's tools are needed by some tests only, which skip without them.
PYTHON ?= python3
PORT ?= 5000
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: repro test check figures docs ui testbed bench quick lock help

help:  ## list the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -e 's/:.*## /\t/' | expand -t 12

$(READY): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is %s: make PYTHON=python3.11" % sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	touch $@

repro: $(READY)  ## make every table and figure anew, and nothing that is up to date
	dvc repro
	@echo "Look at results/report/index.html, or make ui"

test: $(READY)  ## run all tests
	python -m pytest --numprocesses auto --dist loadfile

check: $(READY)  ## lint and types
	ruff format --check .
	ruff check .
	mypy

figures: $(READY)  ## tables, figures and report only, with what they need
	dvc repro report

docs: $(READY)  ## write docs/results.md, its figures and the README's results from the last run
	python -m stages.docs

ui: $(READY)  ## open the runs in MLflow on http://127.0.0.1:5000 (PORT=5000)
	@test "$(PORT)" -ge 1 -a "$(PORT)" -le 65535 || { echo "PORT needs a number from 1 to 65535, found $(PORT)" >&2; exit 2; }
	python -m stages.track
	@echo "Open http://127.0.0.1:$(PORT)/#/experiments/1/runs (train), 2 (sweep), 3 (svc)"
	mlflow ui --backend-store-uri sqlite:///mlflow.db --host 127.0.0.1 --port $(PORT)

bench: $(READY)  ## readers, tables and training at the paper's scale, measured (two hours; needs TShark)
	python -m benchmarks.readers --octets 5000000000 --hosts 4
	python -m benchmarks.readers --octets 5000000000 --readers native --copies 4
	python -m benchmarks.readers --page
	python -m benchmarks.encodings
	python -m benchmarks.scale run
	python -m benchmarks.scale page

quick: $(READY)  ## the whole DAG on the tiny capture, in a folder of its own
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
