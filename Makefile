# Each target makes its own virtual environment in .venv and installs what it needs there.
#
#   make demo                 train on a real English text and look at the result
#   make demo CORPUS=my.txt   the same on your own text
#   make test                 run the tests
#   make lint                 ruff, mypy --strict, clang-format
#   make fuzz MINUTES=1       hostile bytes into every reader, under sanitizers
#   make properties           what holds for any input, on 200 times as many examples
#   make sanitize             the core's threads and memory under every sanitizer
#   make faults               each system call on an output fails once, power cuts, SIGKILL
#   make mutants              small faults in the readers, which their tests must notice
#   make coverage             branches of the readers and checkpoints that their tests take
#   make every-bit            every bit of a small file of each format is flipped, every cut made
#   make large                files and counters beyond 4 GiB: takes 20 GB of disk and minutes
#   make bench CORPUS=my.txt ARGS="--work DIR --gensim"   measure the speed (eval/README.md)
#   make gpu CORPUS=en.txt.xz ARGS="--data DATA --work DIR"    everything on an NVIDIA GPU
#
# PYTHON chooses the interpreter (make test PYTHON=python3.12), VENV another folder.

PYTHON ?= python3
VENV ?= .venv
CORPUS ?=
MINUTES ?= 1
FUZZ ?= build/fuzz
ARGS ?=
export EMBKIT_BUILD_JOBS ?= 2

bin := $(VENV)/bin
build_inputs := pyproject.toml setup.py $(shell find csrc -name '*.cpp' -o -name '*.h' -o -name '*.cu*')
cpp_sources := $(shell find csrc tests/native -name '*.cpp' -o -name '*.h' -o -name '*.cu*')

.PHONY: demo test lint bench gpu fuzz properties faults sanitize mutants coverage
.PHONY: every-bit large clean

demo: $(VENV)/demo.stamp
	@$(bin)/embkit demo --overwrite $(if $(CORPUS),"$(CORPUS)")

test: $(VENV)/test.stamp
	$(bin)/python -m pytest

lint: $(VENV)/lint.stamp
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy
	$(bin)/stubtest embkit._core --allowlist tests/stubtest_allowlist.txt \
	  --mypy-config-file pyproject.toml
	if ls embkit/_cuda*.so >/dev/null 2>&1; then \
	  $(bin)/stubtest embkit._cuda --allowlist tests/stubtest_cuda_allowlist.txt \
	    --mypy-config-file pyproject.toml; fi
	$(bin)/clang-format --dry-run -Werror $(cpp_sources)

bench: $(VENV)/demo.stamp
	$(bin)/python -m eval.speed $(if $(CORPUS),--corpus "$(CORPUS)") $(ARGS)

# Built for the GPU that is here, on all cores: for every kind of GPU it takes many minutes.
gpu: export EMBKIT_CUDA_ARCHITECTURES ?= $(shell \
  nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -n 1)
gpu: export EMBKIT_BUILD_JOBS = $(shell nproc 2>/dev/null || echo 2)
gpu: $(VENV)/test.stamp
	$(bin)/python -m eval.gpu --corpus "$(CORPUS)" $(ARGS)

# MINUTES for all targets of the core, two at a time, and as many for those of Python; needs a C++
# compiler, clang for coverage.
fuzz: $(VENV)/test.stamp
	$(bin)/python -m tests.native.fuzz --minutes $(MINUTES) --work $(FUZZ) $(ARGS)
	$(bin)/python -m tests.native.fuzz_python --minutes $(MINUTES) --work $(FUZZ)/python

# Hours; ARGS="-k p4" chooses among them.
properties: $(VENV)/test.stamp
	$(bin)/python -m pytest -m hypothesis --hypothesis-profile=nightly $(ARGS)

sanitize: $(VENV)/test.stamp
	$(bin)/python -m tests.native.sanitize --work build/sanitize $(ARGS)

# Each system call on outputs and checkpoints fails once, the power is cut after each, 200 kills.
faults: $(VENV)/test.stamp
	$(bin)/python -m tests.native.faults --work build/faults $(ARGS)

mutants: $(VENV)/test.stamp
	$(bin)/python -m tests.native.mutants --work build/mutants $(ARGS)

coverage: $(VENV)/test.stamp
	$(bin)/python -m tests.native.coverage --work build/coverage $(ARGS)

every-bit: $(VENV)/test.stamp
	EMBKIT_EVERY_BIT=1 $(bin)/python -m pytest tests/test_every_bit.py $(ARGS)

large: $(VENV)/test.stamp
	EMBKIT_LARGE=1 $(bin)/python -m pytest tests/test_large.py $(ARGS)

clean:
	rm -rf $(VENV) build dist *.egg-info embkit/*.so

$(bin)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/test.stamp: $(bin)/python $(build_inputs)
	$(bin)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

$(VENV)/lint.stamp: $(bin)/python $(build_inputs)
	$(bin)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,lint]'
	@touch $@

# gensim brings only the text; without it the demo generates one. Why the first installation failed,
# gensim or embkit itself, pip has said above the line; only gensim is left out of the second.
$(VENV)/demo.stamp: $(bin)/python $(build_inputs)
	@echo "Installing embkit into $(VENV): the C++ core is compiled once, this takes a minute or two."
	@$(bin)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo]' \
	  || { echo "That failed; trying without gensim, for which the demo generates its text."; \
	       $(bin)/python -m pip install --quiet --disable-pip-version-check --editable .; }
	@touch $@
