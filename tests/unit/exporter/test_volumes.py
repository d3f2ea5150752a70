"""Free bytes and sizes of volumes, and volumes that share a disk."""

from pathlib import Path

import pytest

from mail_exporter.collectors.volumes import Volumes, name_disks


def test_volumes(tmp_path: Path) -> None:
    """Mounted volumes are measured, and others are left out."""
    free, size = Volumes({"log": tmp_path, "spool": tmp_path / "nowhere"}).metrics()
    assert [sample.labels for sample in free.samples] == [{"volume": "log", "disk": "log"}]
    assert 0 < free.samples[0].value <= size.samples[0].value


def test_volumes_on_one_disk(tmp_path: Path) -> None:
    """Volumes in one file system have the same disk, free bytes and size, each under its own name."""
    paths = {name: tmp_path / name for name in ("spool", "log", "ledger")}
    for path in paths.values():
        path.mkdir()
    for family in Volumes(paths).metrics():
        assert [sample.labels for sample in family.samples] == [
            {"volume": name, "disk": "ledger, log, spool"} for name in paths
        ]
    # Other programs write to this disk as well, so its free bytes may differ between two samples; its size does not.
    assert len({sample.value for sample in family.samples}) == 1


@pytest.mark.parametrize(
    ("devices", "disks"),
    [
        pytest.param(
            {"spool": 1, "log": 1, "ledger": 1},
            {"spool": "ledger, log, spool", "log": "ledger, log, spool", "ledger": "ledger, log, spool"},
            id="one disk",
        ),
        pytest.param(
            {"spool": 1, "log": 2, "ledger": 1},
            {"spool": "ledger, spool", "log": "log", "ledger": "ledger, spool"},
            id="two disks",
        ),
        pytest.param({"log": 1}, {"log": "log"}, id="one volume"),
        pytest.param({}, {}, id="no volume"),
    ],
)
def test_disks(devices: dict[str, int], disks: dict[str, str]) -> None:
    """A disk is named after all volumes with its device number, in alphabetical order."""
    assert name_disks(devices) == disks
