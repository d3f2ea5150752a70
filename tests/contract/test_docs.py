"""Docs, settings and the compose file agree."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.routes.settings import RouteSettings
from dev import docs
from dinky.settings import LinkSettings
from mail_api.settings import Settings as ApiSettings
from mail_check.settings import CheckSettings
from mail_exporter.settings import Settings as ExporterSettings
from mail_telemetry.otel_variables import VARIABLES
from tests.documents import links

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/environment-variables.md"
Services = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def services() -> Services:
    """Return the services of the production compose file."""
    found: Services = yaml.safe_load((ROOT / "docker-compose.mail.prod.yml").read_text())["services"]
    return found


def alert_variables() -> set[str]:
    """Return the variables of notification routes and of the links in notifications."""
    return {*docs.fields(RouteSettings), *docs.fields(LinkSettings)}


def template_variables() -> set[str]:
    """Return every variable of .env.mail, including those that are commented out."""
    return set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.mail").read_text(), re.MULTILINE))


@pytest.mark.parametrize("document", docs.DOCUMENTS)
def test_generated_tables_are_up_to_date(document: str) -> None:
    """The tables in the docs are those that `make docs` writes."""
    text = (ROOT / document).read_text()
    assert docs.fresh(text) == text


@pytest.mark.parametrize(
    ("service", "variables"),
    [
        pytest.param("mail-server", [found["name"] for found in docs.SERVER_ROWS], id="mail-server"),
        pytest.param("mail-api", [*docs.fields(ApiSettings), *VARIABLES], id="mail-api"),
        pytest.param(
            "mail-exporter",
            [*docs.fields(ExporterSettings), *VARIABLES],
            id="mail-exporter",
        ),
        pytest.param("mail-check", list(docs.fields(CheckSettings)), id="mail-check"),
    ],
)
def test_every_setting_reaches_its_service(services: Services, service: str, variables: list[str]) -> None:
    """Each setting is in the docs and in .env.mail, and the compose file passes it on."""
    settable = set(variables) - docs.INSIDE
    assert settable - set(services[service]["environment"]) == set()
    assert settable - template_variables() == set()
    assert [name for name in settable if f"| `{name}` |" not in PAGE.read_text()] == []


def test_template_has_no_unused_variable(services: Services) -> None:
    """Every variable of .env.mail is passed to a service or used by the compose file."""
    handed_on = {name for service in services.values() for name in service["environment"]}
    assert template_variables() - handed_on - set(docs.COMPOSE) - alert_variables() == set()


def test_template_has_the_variables_of_the_alerts() -> None:
    """The variables of `make alert-routes` and `make dinky` are in .env.mail and in the docs."""
    variables = alert_variables()
    assert variables - template_variables() == set()
    assert [name for name in variables if f"| `{name}` |" not in PAGE.read_text()] == []


def test_index_has_every_page() -> None:
    """docs/README.md links to every page."""
    pages = {path for path in (ROOT / "docs").glob("*.md") if path.name != "README.md"}
    assert pages - {(ROOT / "docs" / link).resolve() for link in links(ROOT / "docs/README.md")} == set()
