"""RUNBOOK_URL and GRAFANA_URL: where the links in notifications lead, and whether they can work there."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from alerts.annotations import Links, read_links
from dinky.findings import Finding, State

SETTINGS_FILE: Final = ".env.mail.prod"
_URL: Final = r"^https?://[^\s\"'\\{}]+$"
"""No character that would need quotes in a rule or a dashboard."""


class LinkSettings(BaseSettings):
    """The variables of the links; each field is the variable of the same name in upper case."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True, env_file=SETTINGS_FILE)

    runbook_url: str = Field(
        read_links().runbooks,
        description="Where `alerts/runbooks` of this repository can be read; notifications link to pages below it.",
        examples=["https://github.com/OWNER/REPOSITORY/blob/main/alerts/runbooks"],
        pattern=_URL,
    )
    grafana_url: str = Field(
        read_links().grafana,
        description="Grafana's address for the reader of a notification.",
        examples=["https://grafana.example.org"],
        pattern=_URL,
    )


def links(settings: LinkSettings) -> Links:
    """Return the links, without a slash at the end."""
    return Links(settings.runbook_url.rstrip("/"), settings.grafana_url.rstrip("/"))


def problems(settings: LinkSettings) -> Iterator[Finding]:
    """Yield the links that do not open on another machine: placeholders, and localhost."""
    for name, field in LinkSettings.model_fields.items():
        url, variable = str(getattr(settings, name)), name.upper()
        host = urlsplit(url).hostname or ""
        if _is_placeholder(host) or "/OWNER/" in url:
            what = f"{variable} is not set, or is a placeholder: that link in notifications does not open"
        elif host in {"localhost", "::1"} or host.startswith("127."):
            what = f"{variable} is {url}: that link in notifications opens on the server alone"
        else:
            continue
        example = (field.examples or [""])[0]
        yield Finding(
            State.WARNING,
            SETTINGS_FILE,
            what,
            f"set {variable} in {SETTINGS_FILE}, as {variable}={example}, and run `make dinky` again",
        )


def _is_placeholder(host: str) -> bool:
    return host.endswith(".invalid") or f".{host}".endswith(
        (".example", ".example.com", ".example.org", ".yourdomain.com")
    )
