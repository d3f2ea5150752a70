"""How much room is left where the log, the ledger and the mail server's spool lie."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from prometheus_client.core import Metric

from mail_exporter.collectors import gauges
from mail_telemetry import names


class Volumes:
    """Measures volumes by name; one that is not there (not mounted for the exporter) is left out.

    Args:
        paths: a folder on each volume.
    """

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._paths = paths

    def metrics(self) -> Iterator[Metric]:
        """Yield free bytes, as an unprivileged process may use them, and size.

        Raises:
            OSError: a volume is there and can't be measured.
        """
        found = {name: os.statvfs(path) for name, path in self._paths.items() if path.exists()}
        yield gauges(names.VOLUME_FREE_BYTES, {name: one.f_bavail * one.f_frsize for name, one in found.items()})
        yield gauges(names.VOLUME_SIZE_BYTES, {name: one.f_blocks * one.f_frsize for name, one in found.items()})
