"""What Dinky Mail needs in the server's own files: one change of one file each, and none where it is met."""

from collections.abc import Mapping

from dinky.needs import alertmanager, compose, grafana, prometheus
from dinky.needs.model import Need, Routes


def every_need(texts: Mapping[str, str], routes: Routes | None, secrets: str) -> list[Need]:
    """Return all needs for a server whose files these are, in the order in which they are told.

    Args:
        texts: the path of each of the server's files, and what stands in it.
        routes: who is told of alerts about mail; None while no ALERT_ variable says so.
        secrets: this checkout's folder of secrets, as the server's compose file would name it.
    """
    return [
        *compose.needs(texts, routes, secrets),
        *prometheus.needs(texts),
        *alertmanager.needs(texts, routes),
        *grafana.needs(texts),
    ]
