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

##@ Main

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  %-26s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: demo
demo: $(VENV)/.installed ## Stream the meeting example into the terminal
	@$(BIN)/partialfast demo

.PHONY: demo-batch
demo-batch: $(VENV)/.installed $(VENV)/.batch ## Extract 1,000 meetings from documents, with progress and a summary (RESUME=1 goes on)
	@$(BIN)/python examples/batch/run.py --$(if $(RESUME),resume,overwrite)

.PHONY: test
test: $(VENV)/.installed $(VENV)/.dev ## Run all tests that take seconds
	$(CARGO) test --locked --package partialfast-core
	$(BIN)/mypy tests/typing
	$(BIN)/basedpyright tests/typing
	$(BIN)/pytest

.PHONY: lint
lint: $(VENV)/.installed $(VENV)/.dev rust-linters ## Run every formatter, linter and type checker
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --package partialfast-core
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/basedpyright
	$(BIN)/python -m mypy.stubtest partialfast._core
	$(BIN)/lint-imports --no-cache

.PHONY: format
format: $(VENV)/.dev rust-linters ## Rewrite the sources as the formatters want them
	$(CARGO) fmt --all
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: lint-workflows
lint-workflows: ## Lint the GitHub workflows (needs actionlint)
	actionlint

.PHONY: audit
audit: $(VENV)/.installed $(VENV)/.dev $(VENV)-audit/.made cargo-deny ## Check the dependencies: licences, sources, known vulnerabilities
	.ci/audit

##@ Long tests

.PHONY: test-deep
test-deep: $(VENV)/.installed $(VENV)/.dev ## Run all tests, the property tests with 2,000 examples each
	HYPOTHESIS_PROFILE=deep $(BIN)/pytest -m "deep or not deep"

SECONDS ?= 60

.PHONY: fuzz
fuzz: $(VENV)/.installed $(VENV)/.dev cargo-fuzz ## Fuzz each target of the core, then the package (SECONDS=60 each, TARGETS="json events")
	.ci/fuzz $(SECONDS) $(TARGETS)

.PHONY: coverage
coverage: $(VENV)/.installed $(VENV)/.dev ## Run all tests that take seconds, and draw which lines of Python they reach
	@$(BIN)/pip install --quiet 'coverage>=7.6' >&2
	$(BIN)/coverage run --branch --source=partialfast --parallel-mode -m pytest
	$(BIN)/coverage combine --quiet && $(BIN)/coverage html --quiet --directory .coverage-html
	$(BIN)/coverage report --skip-covered --sort=cover

.PHONY: test-kill
test-kill: $(VENV)/.installed $(VENV)/.dev ## Kill batches (live, batch endpoint, databases) at 50 random moments each, and resume them
	$(BIN)/pytest -m deep tests/batch/test_kill.py tests/batch/test_by_batch.py tests/batch/test_kill_database.py

.PHONY: test-ray
test-ray: build ## Run the tests of Ray on a cluster of two nodes; takes minutes
	$(call make-venv,$(VENV)-ray)
	for wheel in dist/*.whl; do $(VENV)-ray/bin/pip install --quiet --force-reinstall --no-deps "$$wheel"; done
	for wheel in dist/*.whl; do $(VENV)-ray/bin/pip install --quiet "$$wheel[demo,ray]"; done
	$(VENV)-ray/bin/pip install --quiet --group test
	$(VENV)-ray/bin/pytest -m deep tests/batch/test_ray.py

.PHONY: test-corpus
test-corpus: $(VENV)-corpus/.made ## Stream documents of every model of ten public packages (MODELS=openai., EXAMPLES=10)
	$(VENV)-corpus/bin/python -m tests.corpus

.PHONY: test-observers
test-observers: $(VENV)/.installed $(VENV)/.dev ## Run tracing tools against the client, over a real server
	$(BIN)/pip install --quiet openinference-instrumentation-openai opentelemetry-instrumentation-openai
	$(BIN)/pytest tests/observers

.PHONY: test-web
test-web: $(VENV)-web/.made ## Run the tests of the wires, and of the browser's side in Chromium
	@.ci/chromium
	$(VENV)-web/bin/pytest tests/web

.PHONY: test-pythons
test-pythons: ## Run the tests on every Python that is found, and say which is not (PYTHONS="3.10 3.13")
	.ci/pythons $(if $(PYTHONS),"$(PYTHONS)")

.PHONY: test-floors
test-floors: ## Run the tests with the lowest version of each dependency (TESTS=tests/typed)
	$(call make-venv,$(VENV)-floors)
	.ci/floors $(VENV)-floors/bin/python --quiet $(TESTS)

.PHONY: test-wheel
test-wheel: build ## Install the wheel in an empty environment and run the tests against it
	rm -rf $(VENV)-wheel
	$(call make-venv,$(VENV)-wheel)
	$(VENV)-wheel/bin/pip install --quiet dist/*.whl
	$(VENV)-wheel/bin/python -m tests.pages README.md
	for wheel in dist/*.whl; do $(VENV)-wheel/bin/pip install --quiet "$$wheel[demo]"; done
	$(VENV)-wheel/bin/pip install --quiet --group test 'twine>=6'
	$(VENV)-wheel/bin/twine check --strict dist/*
	cd / && $(VENV)-wheel/bin/python -c 'import partialfast; assert "site-packages" in partialfast.__file__'
	$(VENV)-wheel/bin/pytest

.PHONY: test-sdist
test-sdist: build ## Build a wheel from the unpacked source distribution alone
	@# Not below the repository: cargo would find that workspace instead.
	folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT \
	  && tar --extract --gzip --directory "$$folder" --file dist/*.tar.gz && cd "$$folder" \
	  && env -u PYO3_PYTHON -u VIRTUAL_ENV $(BIN)/pip wheel --quiet --no-deps --wheel-dir . ./partialfast-* \
	  && ls *.whl

##@ Measurements

.PHONY: bench
bench: bench-wheel ## Measure beside the peers and print one table
	@mkdir -p .bench
	$(VENV)-bench/bin/python -m pytest benches --override-ini=filterwarnings=default --quiet \
	  --benchmark-timer=time.process_time --benchmark-quiet --benchmark-json=.bench/times.json
	$(VENV)-bench/bin/python -m benches.memory .bench/memory.json
	$(VENV)-bench/bin/python -m benches.client measure .bench/client.json
	@$(VENV)-bench/bin/python -m benches.report .bench

.PHONY: bench-core
bench-core: ## Measure the core alone, with criterion
	@mkdir -p .bench
	CRITERION_HOME=$(CURDIR)/.bench/criterion $(CARGO) bench --locked --package partialfast-core --bench json --bench sse

.PHONY: bench-report
bench-report: bench bench-core ## Measure, then write docs/benchmarks.md and its pictures
	$(VENV)-bench/bin/python -m benches.growth .bench/growth.json
	$(VENV)-bench/bin/python -m benches.report .bench --page docs/benchmarks.md

.PHONY: bench-client
bench-client: bench-wheel ## Measure the OpenAI client beside the bare SDK and instructor, over loopback
	@mkdir -p .bench
	$(VENV)-bench/bin/python -m benches.client measure .bench/client.json
	@$(VENV)-bench/bin/python -m benches.client report .bench/client.json

.PHONY: bounds
bounds: $(VENV)/.installed $(VENV)/.dev ## Measure hostile inputs at full size, then write docs/bounds.md
	$(BIN)/python -m benches.bounds docs/bounds.md

.PHONY: bench-instructions
bench-instructions: bench-wheel ## Compare instruction counts with the committed ones (needs valgrind)
	$(VENV)-bench/bin/python -m benches.instructions

.PHONY: bench-instructions-record
bench-instructions-record: bench-wheel ## Write benches/instructions.json anew
	$(VENV)-bench/bin/python -m benches.instructions --record

.PHONY: bench-unsafe
bench-unsafe: bench-wheel ## Count what each `unsafe` block saves beside safe code (needs valgrind; takes minutes)
	$(VENV)-bench/bin/python -m benches.safe_ways

# A wheel, not the development build: it is what users get.
.PHONY: bench-wheel
bench-wheel: $(VENV)-bench/.peers build
	@$(VENV)-bench/bin/pip install --quiet --force-reinstall --no-deps dist/*.whl >&2

.PHONY: bench-batch
bench-batch: bench-wheel ## Measure a batch of 1,000 documents beside instructor's client (DOCUMENTS=200)
	$(VENV)-bench/bin/python -m benches.batch

.PHONY: bench-compile
bench-compile: $(VENV)-corpus/.made ## Measure compiling types beside pydantic's own building of the classes
	$(VENV)-corpus/bin/python -m benches.compile

.PHONY: bench-web
bench-web: bench-wheel ## Measure the wires: bytes and CPU a chunk, and many viewers over loopback
	@$(VENV)-bench/bin/pip install --quiet playwright starlette uvicorn >&2
	$(VENV)-bench/bin/python -m benches.web

.PHONY: bench-lenient
bench-lenient: bench-wheel ## Read what is not quite JSON, beside the repairers: accepted, right, taken back, time
	$(VENV)-bench/bin/python -m benches.lenient

.PHONY: bench-salvage
bench-salvage: bench-wheel ## Measure salvaging beside json.loads and model_validate (MEGABYTES=60)
	$(VENV)-bench/bin/python -m benches.salvage

WORKLOAD ?= orders-100k
PROFILE_SECONDS ?= 10

.PHONY: profile
profile: $(VENV)-bench/.peers ## Draw a flame graph of Rust and Python (WORKLOAD=[typed/]orders-100k)
	$(BIN)/maturin build --profile profiling --locked --interpreter $(BIN)/python --out .bench/profiling
	@$(VENV)-bench/bin/pip install --quiet --force-reinstall --no-deps .bench/profiling/*.whl >&2
	$(VENV)-bench/bin/py-spy record --native --rate 500 --format flamegraph \
	  --output .bench/profile-$(notdir $(WORKLOAD)).svg -- \
	  $(VENV)-bench/bin/python -m benches.profile $(WORKLOAD) $(PROFILE_SECONDS)
	@echo "Open .bench/profile-$(notdir $(WORKLOAD)).svg in a browser; docs/profiling.md says how to read it."

##@ Documentation

.PHONY: docs
docs: $(VENV)/.installed ## Build the site into .site; a warning ends it
	@$(BIN)/pip install --quiet --group docs >&2
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

##@ Distribution

.PHONY: build
build: $(VENV)/.maturin ## Build the wheel and the source distribution into dist/
	rm -rf dist
	$(BIN)/maturin build --release --locked --strip --interpreter $(BIN)/python --out dist
	$(BIN)/maturin sdist --out dist

.PHONY: clean
clean: ## Remove everything that this file makes
	$(CARGO) clean
	rm -rf dist rust/fuzz/target .bench .tools .venv .venv-audit .venv-bench .venv-corpus .venv-floors .venv-3.* .venv-ray .venv-web .venv-wheel
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .benchmarks
	rm -f python/partialfast/_core.*.so python/partialfast/_core.*.pyd
	find python tests benches examples -name __pycache__ -type d -prune -exec rm -rf {} +

# Environments. Each stamp stands for one finished step and is older than nothing it depends on.

# $(1): the folder of the environment. Dependency groups need pip 25.1.
define make-venv
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo 'partialfast needs Python 3.10 or later; say `make PYTHON=python3.12`' >&2; exit 1; }
	@test -x $(1)/bin/python || { echo 'Making $(notdir $(1)) (10 seconds) ...' >&2; $(PYTHON) -m venv $(1) >&2; }
	@$(1)/bin/python -m pip install --quiet --upgrade 'pip>=25.1' >&2
endef

$(VENV)/.maturin: pyproject.toml
	$(call make-venv,$(VENV))
	@$(BIN)/pip install --quiet --group build >&2
	@touch $@

$(VENV)/.dev: $(VENV)/.maturin
	@echo 'Installing what tests and linters need (half a minute) ...' >&2
	@$(BIN)/pip install --quiet --group dev >&2
	@touch $@

$(VENV)/.batch: $(VENV)/.maturin
	@$(BIN)/pip install --quiet --group batch >&2
	@touch $@

$(VENV)/.installed: $(VENV)/.maturin $(RUST_SOURCES)
	@echo 'Building partialfast (a minute the first time) ...' >&2
	@# Without a group, maturin would take `dev`, which the demonstration does not need.
	@PIP_QUIET=1 $(BIN)/maturin develop --release --locked --quiet --extras demo --group build >&2
	@touch $@

# The frameworks of the examples, and the receivers of the wires; the package is the development build.
$(VENV)-web/.made: pyproject.toml $(VENV)/.installed
	$(call make-venv,$(VENV)-web)
	@$(VENV)-web/bin/pip install --quiet --group test --group web-test \
	  $$($(BIN)/python .ci/requirements demo) >&2
	@echo $(CURDIR)/python \
	  > $$($(VENV)-web/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/partialfast.pth
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
