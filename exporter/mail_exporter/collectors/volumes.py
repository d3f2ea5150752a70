"""Free bytes and sizes of the disks with the log, the ledger and the mail server's spool."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, Metric

from mail_telemetry.metrics import MetricDescription, exporter


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
        mounted = {name: path for name, path in self._paths.items() if path.exists()}
        disks = name_disks({name: path.stat().st_dev for name, path in mounted.items()})
        free, size = _family(exporter.VOLUME_FREE_BYTES), _family(exporter.VOLUME_SIZE_BYTES)
        for name, path in mounted.items():
            found = os.statvfs(path)
            free.add_metric([name, disks[name]], found.f_bavail * found.f_frsize)
            size.add_metric([name, disks[name]], found.f_blocks * found.f_frsize)
        yield free
        yield size


def _family(metric: MetricDescription) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)


def name_disks(devices: Mapping[str, int]) -> dict[str, str]:
    """Return the name of each volume's disk: all volumes with the same device number, as in "ledger, log, spool".

    Args:
        devices: `st_dev` (stat(2)) by volume.
    """
    return {
        volume: ", ".join(sorted(other for other, its_device in devices.items() if its_device == device))
        for volume, device in devices.items()
    }
