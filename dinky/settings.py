"""Settings of the installer: links, notification routes, the folder of secrets, and how the API is published."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from alerts.annotations import Links, read_links
from alerts.routes.receivers import receivers
from alerts.routes.routing import inhibitions, route
from alerts.routes.settings import RouteSettings, check, is_configured
from dinky import rules_and_dashboards
from dinky.changes.change import Routes
from dinky.installation import Desired
from dinky.reverse_proxy import ApiPublication
from dinky.server_folder import ALERTMANAGER
from dinky.status import InstallState, StatusLine
from mail_telemetry.configuration import load

ROOT: Final = Path(__file__).resolve().parents[1]
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


class _SecretsSettings(BaseSettings):
    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True, env_file=SETTINGS_FILE)

    secrets_dir: Path = Field(Path("secrets"), description="As docker-compose.mail.prod.yml reads it.")


class _PublicationSettings(BaseSettings):
    """How the API is published, as docker-compose.mail.prod.yml and the API read it."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True, env_file=SETTINGS_FILE)

    mail_domain: str = ""
    traefik_enable: bool = False
    traefik_entrypoint: str = "web"
    traefik_tls: bool = False
    client_address_header: str = ""

    def publication(self) -> ApiPublication:
        """Return the settings as the reverse proxy's check takes them."""
        domain = self.mail_domain.strip().lower()
        return ApiPublication(
            host=f"mail-api.{domain}" if domain else "",
            enabled=self.traefik_enable,
            entrypoint=self.traefik_entrypoint,
            tls=self.traefik_tls,
            header=self.client_address_header,
        )


def desired_installation(server: Path) -> Desired:
    """Return what is installed into a server's folder, by the environment and .env.mail.prod.

    Raises:
        SettingsInvalid: a variable has an invalid value.
    """
    route_settings, link_settings = load(RouteSettings), load(LinkSettings)
    found = routes(route_settings)
    return Desired(
        rules_and_dashboards.files(links(link_settings)),
        found,
        secrets(ROOT / load(_SecretsSettings).secrets_dir, server.resolve()),
        load(_PublicationSettings).publication(),
        (*link_warnings(link_settings), *(secrets_in_git(route_settings) if found else ())),
    )


def links(settings: LinkSettings) -> Links:
    """Return the links, without a slash at the end."""
    return Links(settings.runbook_url.rstrip("/"), settings.grafana_url.rstrip("/"))


def link_warnings(settings: LinkSettings) -> Iterator[StatusLine]:
    """Yield a warning for each link that does not open on another machine: a placeholder, or localhost."""
    for name, field in LinkSettings.model_fields.items():
        url, variable = str(getattr(settings, name)), name.upper()
        host = urlsplit(url).hostname or ""
        if _is_placeholder(host) or "/OWNER/" in url:
            what = f"{variable} is not set, or is a placeholder: that link in notifications does not open"
        elif host in {"localhost", "::1"} or host.startswith("127."):
            what = f"{variable} is {url}: that link in notifications opens on the server only"
        else:
            continue
        example = (field.examples or [""])[0]
        yield StatusLine(
            InstallState.WARNING,
            SETTINGS_FILE,
            what,
            f"set {variable} in {SETTINGS_FILE}, as {variable}={example}, and run `make dinky` again",
        )


def _is_placeholder(host: str) -> bool:
    return host.endswith(".invalid") or f".{host}".endswith(
        (".example", ".example.com", ".example.org", ".yourdomain.com")
    )


def secrets_in_git(settings: RouteSettings) -> Iterator[StatusLine]:
    """Yield a warning for each secret that is written into alertmanager.yml, which the server's repository tracks."""
    for name in ("alert_webhook_url", "alert_ntfy_url", "alert_deadman_url", "alert_telegram_chat_id"):
        if getattr(settings, name) is None:
            continue
        variable = name.upper()
        in_file = f"{name}_file" in RouteSettings.model_fields
        yield StatusLine(
            InstallState.WARNING,
            ALERTMANAGER,
            f"{variable} is written into alertmanager.yml, which git tracks"
            + ("" if in_file else "; Alertmanager 0.28 has no file setting for it"),
            f"put the value into {name} in the secrets folder and set {variable}_FILE=/run/secrets/{name} instead"
            if in_file
            else "do not commit this file to a repository that others can read",
        )


def routes(settings: RouteSettings) -> Routes | None:
    """Return the notification routes; None where no variable sets one.

    Raises:
        SettingsInvalid: a route is incomplete.
    """
    if not is_configured(settings):
        return None
    check(settings)
    return Routes(route(), receivers(settings), inhibitions())


def secrets(place: Path, server: Path) -> str:
    """Return a folder as the server's compose file names it: relative to its own folder where it is below that."""
    return f"./{place.relative_to(server).as_posix()}" if place.is_relative_to(server) else place.as_posix()
