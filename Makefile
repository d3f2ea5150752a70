# `make help` lists the targets. On a bare machine `make demo` and `make test` set up what they need.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help dev demo demo-fault demo-quota demo-down dinky dinky-check dinky-undo dinky-update check api-key caught backup restore test lint types unit unit-slow contract integration soak relay-audit images setup test-images venv bench-exporter bench-api alerts alert-routes drill dashboards dashboards-check dashboards-pictures monitoring monitoring-down format docs delivery-filter lock clean audit

# Empty: Python may write bytecode. Without it, pytest rewrites the asserts of every test module at each run.
export PYTHONDONTWRITEBYTECODE :=

VENV := .venv
PYTHON ?= python3

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  \033[1m%-20s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: venv setup  ## Run the stack with the sandbox relay, send a mail through it, show its outcome
	@$(VENV)/bin/python -m dev.demo mail

demo-fault: venv setup  ## Make the relay refuse the password, then accept it: one trace with both attempts (a minute)
	@$(VENV)/bin/python -m dev.demo fault

demo-quota: venv setup  ## Use up the relay's limit: which mail is refused, which waits, and its release (3 minutes)
	@$(VENV)/bin/python -m dev.demo quota

demo-down: venv  ## Stop the demo and delete its volumes
	@$(VENV)/bin/python -m dev.demo down

dev: venv setup  ## Run this checkout with the sandbox relay; changes restart their service (ports 20001, 2525, 5587; Ctrl-C ends it)
	@$(VENV)/bin/python -m dev.local

# They need Docker only: a production host has no virtual environment. Their options: dev/ledger help
api-key:  ## Create an API key and print it once: NAME=contact-form
	@dev/ledger api-key

caught:  ## List mails that the honeypot caught; SHOW=ID prints one, RELEASE=ID sends it
	@dev/ledger caught

backup:  ## Copy the ledger into FILE=backups/... while the services run
	@dev/ledger backup

restore:  ## Replace the ledger with FILE=...; stops and starts the services
	@dev/ledger restore

check:  ## Check everything that mail needs: variables, ports, DNS, the relay's login, disk, monitoring (needs Docker only)
	@ENV="$(ENV)" dev/check $(OPTIONS)

test: lint types unit unit-slow contract integration  ## Everything: lint, types, unit, contract, integration

lint: venv  ## Style of Python (ruff) and shell (shellcheck)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/shellcheck --external-sources $(shell git ls-files --cached --others --exclude-standard | xargs grep --files-with-matches --max-count=1 '^#!.*\bbash\b\|^#!/bin/sh\|^# shellcheck shell=' 2>/dev/null)

types: venv  ## mypy --strict, tests included
	$(VENV)/bin/mypy

unit: venv  ## Tests without Docker, except the slow ones (half a minute)
	$(VENV)/bin/pytest tests/unit -m "not slow" --numprocesses=$$((3 * $$(nproc) / 2)) --dist=worksteal  # many of them wait for timers

unit-slow: venv  ## The slow tests without Docker: processes, and any input (half a minute)
	$(VENV)/bin/pytest tests/unit -m slow --numprocesses=$$(nproc) --dist=worksteal

contract: venv  ## Tests that code, settings, generated files and docs agree
	$(VENV)/bin/pytest tests/contract --numprocesses=$$(nproc) --dist=loadfile

# A file runs in one worker; each worker has a stack of its own. With more workers than CPUs, tests of times fail.
WORKERS := $(shell nproc)
integration: venv test-images  ## Tests on the real images, several files at once, each on a separate stack (WORKERS=2)
	$(VENV)/bin/pytest tests/integration --numprocesses=$(WORKERS) --dist=loadfile --no-loadscope-reorder

soak: venv setup  ## Send mixed mail while every hop fails in turn, then check the outcome of every mail (MINUTES=10)
	@$(VENV)/bin/python -m tests.integration.soak --minutes $(or $(MINUTES),10)

relay-audit: venv setup  ## Try relay abuse and SMTP smuggling on the demo's mail server, or on the tests' if the demo is down; print each reply
	@$(VENV)/bin/python -m tests.integration.postfix.audit

images: setup  ## Build all images
	DINKY_MAIL_REVISION=$$(git describe --always --abbrev=40 --dirty --exclude='*' 2>/dev/null || echo unknown) docker compose \
	    -f docker-compose.mail.prod.yml -f docker-compose.sandbox.yml --env-file sandbox/sandbox.env build

setup:  ## Install Docker engine, Compose, Buildx and base image, as far as they are missing
	@dev/setup

test-images: setup  ## Pull the third-party images that the tests use
	@dev/setup --images

venv: $(VENV)/.ready  ## Create the virtual environment of the tools
$(VENV)/.ready: requirements/dev.txt pyproject.toml
	@echo "venv: installing the tools (about a minute the first time)"
	@dev/venv $(PYTHON) $(VENV)
	@touch $@

bench-exporter: venv setup  ## Compare the exporter with others on the same logs (15 minutes; BENCH=--quick: 5)
	$(VENV)/bin/python -m dev.bench.exporter $(BENCH)

bench-api: venv setup  ## Compare the API with raw injection into the same Postfix (15 minutes; BENCH=--quick: 3)
	$(VENV)/bin/python -m dev.bench.api $(BENCH)

AUDIT_VENV := .venv-audit
audit: venv $(AUDIT_VENV)/.ready  ## Check the pins in requirements/*.txt for known vulnerabilities; fails also if the service does not answer (AUDIT="--service osv")
	@$(VENV)/bin/python -m dev.audit $(AUDIT)

$(AUDIT_VENV)/.ready: requirements/audit.txt
	@dev/venv $(PYTHON) $(AUDIT_VENV) requirements/audit.txt
	@touch $@

format: venv  ## Format and fix the Python code with ruff
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

alerts: venv  ## Generate the alert rules from alerts/catalogue, dashboards/recording_rules.py and the cause table
	$(VENV)/bin/python -m alerts

alert-routes: venv  ## Generate Alertmanager's configuration from ALERT_* (environment or .env.mail.prod)
	@$(VENV)/bin/python -m alerts.routes

# They need Docker only: dev/dinky runs the installer in a small image.
dinky:  ## Install rules, dashboards, routes and links into a Dinky Server; shows the diff and asks first: DIR=/path/to/dinky-server
	@dev/dinky install "$(DIR)" $(if $(YES),--yes)

dinky-check:  ## List what a Dinky Server lacks, with the fix: DIR=...
	@dev/dinky check "$(DIR)"

dinky-undo:  ## Undo the installation, except what you have changed since: DIR=...
	@dev/dinky undo "$(DIR)" $(if $(YES),--yes)

dinky-update:  ## Update a Dinky Server: undo the installation, `git pull`, install again: DIR=...
	@dev/dinky update "$(DIR)"

drill: venv test-images  ## Fire drill: break mail in ten ways, and wait until each alert fires and is resolved (5 minutes)
	@$(VENV)/bin/python -m tests.integration.alerts.drill

dashboards: venv  ## Generate the Grafana dashboards from dashboards/catalogue
	@$(VENV)/bin/python -m dashboards

dashboards-check: venv test-images  ## Run every query of the dashboards on the running demo: panel, series found, value
	@$(VENV)/bin/python -m tests.integration.dashboards.check

dashboards-pictures: venv test-images  ## Write pictures of the dashboards into docs/pictures, with a Grafana and a separate stack (5 minutes)
	@$(VENV)/bin/python -m tests.integration.dashboards.pictures

monitoring: venv setup  ## Run Prometheus, Alertmanager, Grafana, Loki, Alloy, Tempo and a collector beside the demo, if their images are available
	@dev/monitoring

monitoring-down: venv  ## Stop the monitoring
	@dev/monitoring down

docs: venv  ## Generate the tables in the docs
	$(VENV)/bin/python -m dev.docs

delivery-filter: venv  ## Generate Postfix's table of relay replies for which mail waits, from the rules of causes
	$(VENV)/bin/python -m dev.delivery_filter

lock: venv  ## Resolve the dependencies and write requirements/*.txt
	dev/lock

clean:  ## Remove the virtual environment and caches
	rm -rf $(VENV) $(AUDIT_VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
