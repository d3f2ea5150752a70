"""Traefik labels as Docker Compose renders them."""

import json
import os
import subprocess

import pytest

from tests.contract.test_traefik import ROUTER, VARIANTS
from tests.integration.stack import ROOT


@pytest.mark.parametrize(("variables", "expected"), VARIANTS)
def test_rendered_router(variables: dict[str, str], expected: dict[str, str]) -> None:
    """`docker compose config` shows the router of each variant."""
    command = ["docker", "compose", "-f", "docker-compose.mail.prod.yml", "--env-file", "sandbox/sandbox.env"]
    shown = subprocess.run(  # noqa: S603 - our own files
        [*command, "config", "--format", "json"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **variables},
    ).stdout
    labels = json.loads(shown)["services"]["mail-api"]["labels"]
    found = {name.removeprefix(ROUTER): text for name, text in labels.items() if name.startswith(ROUTER)}
    assert found == expected | {"rule": "Host(`mail-api.dinky.example`)"}
