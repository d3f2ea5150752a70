"""What this checkout wants to bring: its files, the routes out of ALERT_..., its folder of secrets."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from alerts.routes.receivers import receivers
from alerts.routes.routing import inhibitions, route
from alerts.routes.settings import RouteSettings, check, is_configured
from dinky import bring
from dinky.findings import Finding, State
from dinky.links import SETTINGS_FILE, LinkSettings, links, problems
from dinky.needs.model import ALERTMANAGER, Routes
from dinky.plan import Wanted
from dinky.publication import Publication
from mail_telemetry.configuration import load

ROOT: Final = Path(__file__).resolve().parents[1]


class _Place(BaseSettings):
    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True, env_file=SETTINGS_FILE)

    secrets_dir: Path = Field(Path("secrets"), description="As docker-compose.mail.prod.yml reads it.")


class _Published(BaseSettings):
    """How the API is published, as docker-compose.mail.prod.yml and the API read it."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True, env_file=SETTINGS_FILE)

    mail_domain: str = ""
    traefik_enable: bool = False
    traefik_entrypoint: str = "web"
    traefik_tls: bool = False
    client_address_header: str = ""

    def publication(self) -> Publication:
        """Return the settings in the words of the check."""
        domain = self.mail_domain.strip().lower()
        return Publication(
            host=f"mail-api.{domain}" if domain else "",
            enabled=self.traefik_enable,
            entrypoint=self.traefik_entrypoint,
            tls=self.traefik_tls,
            header=self.client_address_header,
        )


def wanted(server: Path) -> Wanted:
    """Return what a server at that place gets, by the environment and .env.mail.prod.

    Raises:
        SettingsInvalid: a variable has a value that it cannot have.
    """
    ways, addresses = load(RouteSettings), load(LinkSettings)
    found = routes(ways)
    return Wanted(
        bring.files(links(addresses)),
        found,
        secrets(ROOT / load(_Place).secrets_dir, server.resolve()),
        load(_Published).publication(),
        (*problems(addresses), *(exposed(ways) if found else ())),
    )


def exposed(settings: RouteSettings) -> Iterator[Finding]:
    """Yield the addresses that are written into alertmanager.yml, which the server's repository tracks."""
    for name in ("alert_webhook_url", "alert_ntfy_url", "alert_deadman_url", "alert_telegram_chat_id"):
        if getattr(settings, name) is None:
            continue
        variable = name.upper()
        in_file = f"{name}_file" in RouteSettings.model_fields
        yield Finding(
            State.WARNING,
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
    """Return a folder as the server's compose file names it: from its own folder on, where it lies below that."""
    return f"./{place.relative_to(server).as_posix()}" if place.is_relative_to(server) else place.as_posix()
