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

.PHONY: repro test interpreted fuzz check figures docs ui testbed datasheet study bench quick lock pythons help

help:  ## list the commands
	@grep -hE "^[a-z]+:.*##" $(MAKEFILE_LIST) | sed -e "s,:.*## ,\t," | expand -t 12

$(READY): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is %s: make PYTHON=python3.11" % sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	touch $@

repro: $(READY)  ## make every table and figure anew, and nothing that is up to date
	@python -m packetids.repro

test: $(READY)  ## run all tests, with the coverage of what is no kernel
	python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder --cov \
	  --cov-report=term --cov-fail-under=70

interpreted: $(READY)  ## the native reader's tests with its kernels run as Python, and their coverage
	NUMBA_DISABLE_JIT=1 python -m pytest --numprocesses auto -W ignore::RuntimeWarning \
	  tests/test_native_fields.py tests/test_native_frames.py tests/test_native_lengths.py \
	  tests/test_native_source.py tests/test_distinct.py \
	  --cov=packetids.native --cov-config=/dev/null --cov-branch --cov-fail-under=88 --cov-report=term

fuzz: $(READY)  ## the tests that draw packets, settings and rows, with other draws each time
	HYPOTHESIS_PROFILE=fuzz python -m pytest --numprocesses auto $$(grep -l "^@given" tests/*.py)

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
	@echo "Open http://127.0.0.1:$(PORT)/#/experiments/1/runs (train), 2 (sweep), 3 (svc), 4 (repeat)"
	mlflow ui --backend-store-uri sqlite:///mlflow.db --host 127.0.0.1 --port $(PORT)

study: $(READY)  ## both protocols, simple models beside the network, seeds: docs/study.md (half an hour)
	python -m packetids.study

bench: $(READY)  ## readers, tables and training at the paper's scale, measured (two hours; needs TShark)
	python -m benchmarks.readers --bytes 5000000000 --hosts 4
	python -m benchmarks.readers --bytes 5000000000 --readers native --copies 4
	python -m benchmarks.readers --page
	python -m benchmarks.encodings
	python -m benchmarks.scale run
	python -m benchmarks.scale page

quick: $(READY)  ## the whole DAG on the tiny capture, in a folder of its own
	python -m tests.quick build/quick

testbed: $(READY)  ## record a new embedded capture (Linux, root)
	$(PYTHON) -m testbed record --out captures/testbed --novel captures/novel
	$(PYTHON) -m testbed tiny --captures captures/testbed --out captures/tiny
	$(PYTHON) -m testbed flows --captures captures/testbed
	$(PYTHON) -m testbed flows --captures captures/tiny

datasheet: $(READY)  ## write captures/DATASHEET.md and hold the captures to its gate
	python -m packetids.datasheet

lock: $(READY)  ## pin requirements.txt anew from requirements.in, with hashes, for Python 3.11 to 3.13
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --no-emit-index-url --custom-compile-command "make lock" \
	  --output-file requirements.txt requirements.in

pythons:  ## resolve requirements.txt, and read a capture, on each other Python that is installed
	@for version in 3.12 3.13; do \
	  if ! python$$version -c "" 2>/dev/null; then echo "python$$version is not installed: skipped"; continue; fi; \
	  echo "python$$version: requirements.txt" && \
	  python$$version -m pip install --quiet --dry-run --ignore-installed --require-hashes --requirement requirements.txt && \
	  echo "python$$version: packetids extract" && \
	  python$$version -m venv --clear build/python$$version && \
	  build/python$$version/bin/pip install --quiet . && \
	  build/python$$version/bin/packetids extract tests/golden/ipv4.pcap.gz build/python$$version/ipv4.parquet || exit 1; \
	done
