"""What the check takes from others it says as they do."""

import re
from pathlib import Path

import pytest

from alerts.routes.routing import route
from dashboards.thresholds import limit
from dev.docs import SERVER_ROWS
from mail_check import certificate, disk, login, monitoring, relay, sender, stack
from mail_check.catalogue import looks
from mail_check.finding import Area
from mail_check.host import Host
from mail_check.settings import Settings

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs/check.md").read_text()
SERVER_DEFAULTS = {row["name"]: row["default"] for row in SERVER_ROWS}


@pytest.mark.parametrize("name", stack.DEFAULTS)
def test_defaults_are_the_mail_servers(name: str) -> None:
    """A variable that is not set means to the check what it means to the mail server."""
    assert SERVER_DEFAULTS[name] == stack.DEFAULTS[name]


def test_limits_are_those_of_the_alerts() -> None:
    """What the check warns about is what an alert would be sent for."""
    assert limit("MailVolumeFull").value == disk.FULL_BYTES
    assert limit("MailVolumeFilling", 1).value == disk.FILLING
    assert limit("MailCertificateExpiring").value == certificate.SOON_DAYS * 86400


@pytest.mark.parametrize("way_out", ["smtp.gmail.com", ""], ids=["relay", "direct"])
def test_every_look_is_in_the_docs(way_out: str) -> None:
    """What is looked at stands in docs/check.md under the name that the report gives it."""
    described = set(re.findall(r"`([^`]+)`", "".join(re.findall(r"^\|.*", DOCUMENT, re.MULTILINE))))
    variables = {"MAIL_DOMAIN": "shop.org", "SMTP_RELAY_HOST": way_out}
    found = looks(Settings.model_validate({}), stack.read_stack(variables, str), Host(), {"SMTP_RELAY_USERNAME": "x"})
    names = {look.name for look in found} - {way_out}
    steps = {relay.CONNECTION, relay.TLS, relay.CERTIFICATE, login.NAME, sender.NAME} if way_out else set()
    assert (names | steps) - described == set()
    assert [area for area in Area if f"| {area} |" not in DOCUMENT] == []


def test_the_routes_are_known() -> None:
    """Alertmanager is asked for the matcher that the routes are made with."""
    assert route()["matchers"] == [monitoring.ROUTE]
