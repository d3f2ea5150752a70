"""The vocabulary of needs, and where a Dinky Server keeps what they are about."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from dinky.yaml_text import CannotEditError

COMPOSE: Final = "docker-compose.yml"
PROMETHEUS: Final = "monitoring/prometheus/prometheus.yml"
ALERTMANAGER: Final = "monitoring/alertmanager/alertmanager.yml"
PROMTAIL: Final = "monitoring/promtail/promtail-config.yml"
TRAEFIK: Final = "infrastructure/traefik/traefik.yml"
CLOUDFLARED: Final = "infrastructure/cloudflared/config.yml"
DATASOURCES: Final = "monitoring/grafana/provisioning/datasources/datasources.yml"
RULES: Final = "monitoring/prometheus/mail"
DASHBOARDS: Final = "monitoring/grafana/dashboards"

THEIRS: Final[tuple[str, ...]] = (COMPOSE, PROMETHEUS, ALERTMANAGER, PROMTAIL, DATASOURCES)
"""The server's own files that an installation may change; the first has to be there."""
LOOKED_AT: Final[tuple[str, ...]] = (TRAEFIK, CLOUDFLARED)
"""The server's own files that only the check reads."""


class NotConfiguredError(CannotEditError):
    """A setting of .env.mail.prod is not set, so there is nothing to write; the rest is installed without it."""


@dataclass(frozen=True, slots=True)
class Need:
    """One change in one of the server's files.

    Args:
        path: the file, from the server's folder on.
        what: what is true once it is met, in a few words.
        by_hand: how a person would do it.
        edit: the file's text to its new text, and to itself where the need is met already.
    """

    path: str
    what: str
    by_hand: str
    edit: Callable[[str], str]

    def met(self, text: str) -> bool:
        """Return whether a file with this text has it already."""
        try:
            return self.edit(text) == text
        except CannotEditError:
            return False


@dataclass(frozen=True, slots=True)
class Routes:
    """Who is told of alerts about mail: the parts of `alert-routes`' snippet."""

    route: dict[str, Any]
    receivers: list[dict[str, Any]]
    inhibitions: list[dict[str, Any]]
