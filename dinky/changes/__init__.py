"""The changes of the Dinky Server's own files: one module for each file."""

from collections.abc import Mapping

from dinky.changes import alertmanager, compose, grafana, prometheus
from dinky.changes.change import Change, Routes


def all_changes(texts: Mapping[str, str], routes: Routes | None, secrets: str) -> list[Change]:
    """Return all changes for a server with these files, in the order in which they are made and printed.

    Args:
        texts: path and text of each of the server's files.
        routes: the notification routes for alerts about mail; None while no ALERT_ variable is set.
        secrets: this checkout's folder of secrets, as the server's compose file would name it.
    """
    return [
        *compose.changes(texts, routes, secrets),
        *prometheus.changes(texts),
        *alertmanager.changes(texts, routes),
        *grafana.changes(texts),
    ]
