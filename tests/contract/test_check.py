"""mail-check agrees with the mail server's defaults, the alerts' limits, and docs/check.md."""

import re
from pathlib import Path

import pytest

from alerts.routes.routing import route
from dashboards.thresholds import limit
from dev.docs import SERVER_ROWS
from mail_check.catalogue import checks
from mail_check.checks import host, monitoring, relay, services
from mail_check.host_facts import HostFacts
from mail_check.results import Area
from mail_check.settings import SERVER_DEFAULTS, CheckSettings, read_mail_settings

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs/check.md").read_text()
DOCUMENTED_DEFAULTS = {row["name"]: row["default"] for row in SERVER_ROWS}


@pytest.mark.parametrize("name", SERVER_DEFAULTS)
def test_defaults_are_the_mail_servers(name: str) -> None:
    """A variable that is not set has the mail server's default."""
    assert DOCUMENTED_DEFAULTS[name] == SERVER_DEFAULTS[name]


def test_limits_are_those_of_the_alerts() -> None:
    """The limits of the checks are those of the alerts."""
    assert limit("MailVolumeFull").value == host.FULL_BYTES
    assert limit("MailVolumeFilling", 1).value == host.FILLING
    assert limit("MailCertificateExpiring").value == services.CERTIFICATE_DAYS * 86400


@pytest.mark.parametrize("relay_host", ["smtp.gmail.com", ""], ids=["relay", "direct"])
def test_every_check_is_in_the_docs(relay_host: str) -> None:
    """docs/check.md describes every check under its name in the report."""
    described = set(re.findall(r"`([^`]+)`", "".join(re.findall(r"^\|.*", DOCUMENT, re.MULTILINE))))
    variables = {"MAIL_DOMAIN": "shop.org", "SMTP_RELAY_HOST": relay_host}
    mail = read_mail_settings(variables, str)
    found = checks(CheckSettings.model_validate({}), mail, HostFacts(), {"SMTP_RELAY_USERNAME": "x"})
    names = {check.name for check in found} - {relay_host}
    steps = (
        {relay.CONNECTION, relay.TLS, relay.CERTIFICATE, relay.LOGIN, relay.DEFAULT_FROM, relay.RELAY_SENDER}
        if relay_host
        else set()
    )
    assert (names | steps) - described == set()
    assert [area for area in Area if f"| {area} |" not in DOCUMENT] == []


def test_route_matcher() -> None:
    """Alertmanager is checked for the matcher of the generated routes."""
    assert route()["matchers"] == [monitoring.ROUTE]
