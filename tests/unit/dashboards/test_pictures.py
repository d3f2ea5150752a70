"""`make dashboards-pictures` without Grafana's image."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.dashboards import pictures
from tests.integration.dashboards.grafana import ImageMissing


@contextmanager
def without_grafana() -> Iterator[None]:
    """Raise ImageMissing, as without a registry."""
    raise ImageMissing("grafana/grafana:12.0.1", "no such host")
    yield


def test_missing_image(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The command prints the image's name, fails, and writes nothing."""
    monkeypatch.setattr(pictures, "shown", without_grafana)
    monkeypatch.setattr("sys.argv", ["pictures", "--folder", str(tmp_path / "pictures")])
    assert pictures.main() == 1
    expected = "dashboards-pictures: image grafana/grafana:12.0.1 cannot be pulled: no such host\n"
    assert capsys.readouterr().err == expected
    assert not (tmp_path / "pictures").exists()
