"""What this checkout wants to bring: its files, the routes out of ALERT_..., its folder of secrets."""

from pathlib import Path
from typing import Final

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from alerts.routes.receivers import receivers
from alerts.routes.settings import RouteSettings, check
from alerts.routes.tree import inhibitions, route
from dinky import bring
from dinky.needs.model import Routes
from dinky.plan import Wanted
from mail_telemetry.configuration import SettingsInvalid, load

ROOT: Final = Path(__file__).resolve().parents[1]


class _Place(BaseSettings):
    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True, env_file=".env.mail.prod")

    secrets_dir: Path = Field(Path("secrets"), description="As docker-compose.mail.prod.yml reads it.")


def wanted(server: Path) -> Wanted:
    """Return what a server at that place gets, by the environment and .env.mail.prod.

    Raises:
        SettingsInvalid: a variable has a value that it cannot have.
    """
    return Wanted(
        bring.files(), routes(load(RouteSettings)), secrets(ROOT / load(_Place).secrets_dir, server.resolve())
    )


def routes(settings: RouteSettings) -> Routes | None:
    """Return who is told; None while no way is set that does not lead through this mail."""
    try:
        check(settings)
    except SettingsInvalid as error:
        for line in error.lines:
            print(f"dinky: {line}")
        return None
    return Routes(route(), receivers(settings), inhibitions())


def secrets(place: Path, server: Path) -> str:
    """Return a folder as the server's compose file names it: from its own folder on, where it lies below that."""
    return f"./{place.relative_to(server).as_posix()}" if place.is_relative_to(server) else place.as_posix()
