# Every target first makes .venv if it is missing or older than requirements.lock.
# PYTHON=python3.12 make ... chooses the interpreter (3.11 to 3.13).
PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
STAMP := $(VENV)/installed

.DEFAULT_GOAL := help
.PHONY: help figures test lab page app notebooks bench lint lock clean

help:  ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-10s %s\n", $$1, $$2}'

$(STAMP): requirements.lock pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "$(PYTHON) is not Python 3.11 to 3.13: name one, as in make PYTHON=python3.12 figures"; exit 1; }
	@echo "installing into $(VENV), once (about 2.5 GB)"
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --quiet --clear --seed --python "$(PYTHON)" $(VENV) \
	  && uv pip install --quiet --python $(VENV) --require-hashes -r requirements.lock \
	  && uv pip install --quiet --python $(VENV) --no-deps --no-build-isolation -e . ; \
	else \
	  "$(PYTHON)" -m venv --clear $(VENV) \
	  && $(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock \
	  && $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e . ; \
	fi
	@touch $@

figures: $(STAMP)  ## run the six notebooks and regenerate every figure
	$(BIN)/ferlib figures

test: $(STAMP)  ## unit tests, doctests, notebooks, and the demo in a real browser
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@if command -v npm >/dev/null 2>&1; then cd app && npm ci --no-audit --no-fund; else echo "no Node.js: the page is not tested"; fi
	$(BIN)/python -m pytest -n auto --dist loadfile --cov --cov-report=term
	FERLIB_DATA=embedded FERLIB_PROFILE=tiny $(BIN)/python -m pytest -x --nbval-lax --nbval-current-env notebooks/0[12356]*.ipynb
	FERLIB_DATA=embedded $(BIN)/python -m pytest -x --nbval --nbval-current-env notebooks/04*.ipynb

lab: $(STAMP)  ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab --notebook-dir=notebooks --ServerApp.kernel_websocket_connection_class=ferlib.widgets.PromptConnection

page: $(STAMP)  ## build the page for visitors, build/page/: static files for any host (needs Node.js)
	cd app && npm ci --no-audit --no-fund
	$(BIN)/python -m tools.build_page

app: page  ## the page for visitors, on this computer
	@echo "The page: open http://localhost:8866 in a browser; Ctrl-C ends it."
	@$(BIN)/python -m http.server --directory build/page --bind 127.0.0.1 8866

notebooks: $(STAMP)  ## maintainers: execute the notebooks in place, ready to commit
	$(BIN)/ferlib figures --in-place

bench: $(STAMP)  ## measure speed and memory beside what a user would use instead
	$(BIN)/python -m benchmarks

lint: $(STAMP)  ## format and lint modules and notebooks
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock:  ## maintainers: resolve requirements.lock anew (needs uv)
	@# ai-edge-litert needs backports-strenum; uv would take 1.3, which pip refuses from Python 3.11 on
	echo "backports-strenum<1.3" | uv pip compile pyproject.toml --constraint - --extra dev --universal --generate-hashes --python-version 3.11 \
	  --no-emit-index-url --no-annotate --no-header --no-strip-extras --quiet -o requirements.lock

clean:  ## remove .venv and everything that was built
	rm -rf $(VENV) build
