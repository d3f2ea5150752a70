# `make help` says what there is. On a bare machine `make demo` and `make test` set up what they need.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help dev demo demo-fault demo-quota demo-down dinky dinky-check dinky-undo dinky-update check api-key backup restore test lint types unit contract integration soak relay-audit images setup test-images venv bench-exporter bench-api alerts alert-routes drill dashboards dashboards-check monitoring monitoring-down format docs lock clean audit

# Where the environment forbids it, pytest would prepare a hundred test modules anew at each run. Empty: allowed.
export PYTHONDONTWRITEBYTECODE :=

VENV := .venv
PYTHON ?= python3

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  \033[1m%-14s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: venv setup  ## Run the stack with the sandbox relay, send a mail through it, show what became of it
	@$(VENV)/bin/python -m dev.demo mail

demo-fault: venv setup  ## Let the relay refuse our password, then repair it: one trace with both (a minute)
	@$(VENV)/bin/python -m dev.demo fault

demo-quota: venv setup  ## Fill the relay's limit: who is refused, what waits, and how it is released (3 minutes)
	@$(VENV)/bin/python -m dev.demo quota

demo-down: venv  ## Stop the demo and delete its volumes
	@$(VENV)/bin/python -m dev.demo down

dev: venv setup  ## Run this checkout with the sandbox relay; Python is reloaded at a change (20001, 2525, 5587; Ctrl-C ends it)
	@$(VENV)/bin/python -m dev.local

# They need Docker alone: a production host has no virtual environment. What they take besides: dev/ledger help
api-key:  ## Make an API key and print it, once: NAME=contact-form
	@dev/ledger api-key

backup:  ## Copy the ledger into FILE=backups/... while the services go on
	@dev/ledger backup

restore:  ## Make the ledger what FILE=... is; stops and starts the services
	@dev/ledger restore

check:  ## Is everything well on mail's way? Variables, ports, DNS, the relay's login, disk, monitoring (Docker is enough)
	@ENV="$(ENV)" dev/check $(OPTIONS)

test: lint types unit contract integration  ## Everything: lint, types, unit, contract, integration

lint: venv  ## Style of Python (ruff) and shell (shellcheck)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/shellcheck --external-sources $(shell git ls-files --cached --others --exclude-standard | xargs grep --files-with-matches --max-count=1 '^#!.*\bbash\b\|^#!/bin/sh' 2>/dev/null)

types: venv  ## mypy --strict, tests included
	$(VENV)/bin/mypy

unit: venv  ## Tests without Docker, under 30 seconds
	$(VENV)/bin/pytest tests/unit --numprocesses=$$((3 * $$(nproc) / 2)) --dist=worksteal  # many of them wait

contract: venv  ## Do names, settings and docs agree?
	$(VENV)/bin/pytest tests/contract

integration: venv test-images  ## Tests on the real images, one shared stack
	$(VENV)/bin/pytest tests/integration

soak: venv setup  ## Mixed traffic while every hop fails in turn, then the account of every mail (MINUTES=10)
	@$(VENV)/bin/python -m tests.integration.soak --minutes $(or $(MINUTES),10)

relay-audit: venv setup  ## Try the abuse battery on the demo's mail server, or the tests': trick, port, answer
	@$(VENV)/bin/python -m tests.integration.postfix.audit

images: setup  ## Build all images
	DINKY_MAIL_REVISION=$$(git describe --always --abbrev=40 --dirty --exclude='*' 2>/dev/null || echo unknown) docker compose \
	    -f docker-compose.mail.prod.yml -f docker-compose.sandbox.yml --env-file sandbox/sandbox.env build

setup:  ## Docker engine, Compose, Buildx, base image: what is missing
	@dev/setup

test-images: setup  ## The images of others that the tests use
	@dev/setup --images

venv: $(VENV)/.ready  ## The virtual environment of the tools
$(VENV)/.ready: requirements/dev.txt pyproject.toml
	@echo "venv: installing the tools (about a minute the first time)"
	@dev/venv $(PYTHON) $(VENV)
	@touch $@

bench-exporter: venv setup  ## The exporter against its peers on the same logs (15 minutes; BENCH=--quick: 2)
	$(VENV)/bin/python -m dev.bench.exporter $(BENCH)

bench-api: venv setup  ## The API against raw injection into the same Postfix (15 minutes; BENCH=--quick: 3)
	$(VENV)/bin/python -m dev.bench.api $(BENCH)

AUDIT_VENV := .venv-audit
audit: venv $(AUDIT_VENV)/.ready  ## Known vulnerabilities of what requirements/*.txt pin; nobody to ask is a failure too (AUDIT="--service osv")
	@$(VENV)/bin/python -m dev.audit $(AUDIT)

$(AUDIT_VENV)/.ready: requirements/audit.txt
	@dev/venv $(PYTHON) $(AUDIT_VENV) requirements/audit.txt
	@touch $@

format: venv  ## Let ruff format and fix
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

alerts: venv  ## Write the alert rules anew from alerts/catalogue, dashboards/queries.py and the cause table
	$(VENV)/bin/python -m alerts

alert-routes: venv  ## Write Alertmanager's configuration from ALERT_* (environment or .env.mail.prod): who is told, and how
	@$(VENV)/bin/python -m alerts.routes

# They need Docker alone: dev/dinky runs the installer in a small image.
dinky:  ## Install into a Dinky Server: rules, dashboards, routes, links; shows the diff and asks: DIR=/path/to/dinky-server
	@dev/dinky install "$(DIR)" $(if $(YES),--yes)

dinky-check:  ## List what a Dinky Server lacks, with the fix: DIR=...
	@dev/dinky check "$(DIR)"

dinky-undo:  ## Take it all back, except what you have changed since: DIR=...
	@dev/dinky undo "$(DIR)" $(if $(YES),--yes)

dinky-update:  ## `git pull` in a Dinky Server: undo, pull, install again: DIR=...
	@dev/dinky update "$(DIR)"

drill: venv test-images  ## Fire drill: break mail in every way, see the alert arrive and end (3 minutes)
	@$(VENV)/bin/python -m tests.integration.alerts.drill

dashboards: venv  ## Write the Grafana dashboards anew from dashboards/catalogue
	@$(VENV)/bin/python -m dashboards

dashboards-check: venv test-images  ## Ask every query of the dashboards on the running demo: panel, series found, value
	@$(VENV)/bin/python -m tests.integration.dashboards.check

monitoring: venv setup  ## Prometheus, Alertmanager, Grafana, Loki, Alloy, Tempo, collector beside the demo, as far as they can be had
	@dev/monitoring

monitoring-down: venv  ## Stop them again
	@dev/monitoring down

docs: venv  ## Write the generated tables in the docs anew
	$(VENV)/bin/python -m dev.docs

lock: venv  ## Resolve the dependencies anew
	dev/lock

clean:  ## Remove the virtual environment and caches
	rm -rf $(VENV) $(AUDIT_VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
