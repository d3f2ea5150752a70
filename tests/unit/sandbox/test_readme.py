"""The sandbox's README documents all variables, faults and requests."""

import re
from pathlib import Path

import pytest

from mail_sandbox.control_app import create_control_app
from mail_sandbox.faults import KINDS, FaultName
from mail_sandbox.relay import Relay
from mail_sandbox.settings import PREFIX, Settings
from mail_sandbox.state import Sandbox

README = (Path(__file__).parents[3] / "sandbox" / "README.md").read_text()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_variable_is_documented(name: str) -> None:
    """Every variable is documented with its default."""
    default = Settings.model_fields[name].default
    written = ",".join(default) if isinstance(default, tuple) else str(default)
    assert f"| `{PREFIX}{name.upper()}` | `{written}` |" in README


@pytest.mark.parametrize("name", FaultName, ids=str)
def test_every_fault_is_documented(name: FaultName) -> None:
    """Every fault is documented with its parameters and stages."""
    (row,) = re.findall(rf"^\| `{name}` \|.*$", README, re.MULTILINE)
    kind = KINDS[name]
    stages = set(kind.stages) if len(kind.stages) > 1 else set()
    assert {word for word in kind.takes | stages if f"`{word}`" not in row} == set()


def test_every_request_is_documented(sandbox: Sandbox, relay: Relay) -> None:
    """The README has the method and path of each request, and no others."""
    paths = create_control_app(sandbox, relay).openapi()["paths"]
    served = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    documented = set(re.findall(r"`((?:GET|POST|PUT|DELETE) /[a-z_{}/]*)`", README))
    assert served == documented
