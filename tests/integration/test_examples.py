"""Commands in the README and in `docs/`, run with the stack."""

import json
import os
import shutil
from pathlib import Path
from typing import Final

import pytest

from tests import running
from tests.documents import blocks, guides
from tests.integration.stack import API, API_METRICS, EXPORTER, RECIPIENT, ROOT, SANDBOX, Stack

PUBLISHED: Final = {
    20001: API,
    9464: API_METRICS,
    9154: EXPORTER,
    8025: SANDBOX,
    25: ("mail-server", 2525),
    2525: ("mail-server", 2525),
    587: ("mail-server", 587),
    5587: ("mail-server", 587),
}
"""The published ports of the demo and of production, with the service's port in the tests."""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a checkout whose .env.mail.prod has the stack's settings."""
    copy = running.checkout(tmp_path_factory.mktemp("reader"))
    shutil.copy(ROOT / "sandbox/sandbox.env", copy / ".env.mail.prod")
    return copy


GUIDES: Final = [pytest.param(path, id=path.name) for path in guides() if running.has(path, "stack")]


@pytest.mark.parametrize("document", GUIDES)
def test_examples(stack: Stack, checkout: Path, document: Path) -> None:
    """The commands of a page, run in order, succeed."""
    addresses = {port: stack.url(service).removeprefix("http://") for port, service in PUBLISHED.items()}
    text = running.in_project(running.script(document, "stack"), stack.project, addresses)
    assert os.environ["COMPOSE_PROJECT_NAME"] == stack.project
    running.run(text, checkout)


def test_answers(stack: Stack, subject: str) -> None:
    """The answers in the API reference have the fields of real answers."""
    shown = [json.loads(block.text) for block in blocks(ROOT / "docs/api-reference.md") if block.language == "json"]
    accepted = stack.post({"to": RECIPIENT, "subject": subject, "body": "Hello"}).json()
    refused = stack.post({"to": ["a@example.com", "b"], "body": "Hello"}).json()
    stranger = stack.post({"to": "somebody@elsewhere.example", "subject": subject, "body": "Hello"})
    assert stranger.status_code == 403
    real = [stranger.json(), accepted, stack.status(accepted["id"], "relayed"), refused]
    assert [one.keys() for one in shown] == [one.keys() for one in real]
    assert shown[2]["recipients"][0].keys() == real[2]["recipients"][0].keys()
    assert [shown[0], shown[3]] == [real[0], real[3]]
