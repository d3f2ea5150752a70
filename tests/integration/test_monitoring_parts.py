"""Containers that are reported as running, with a real Docker."""

from collections.abc import Iterator
from typing import Final

import pytest
from testcontainers.core.container import DockerContainer

from dev.monitoring_status import Docker, Part, report, watch

IMAGE: Final = "debian:trixie-slim"


@pytest.fixture
def parts() -> Iterator[list[Part]]:
    """Return a part that runs, one that Docker keeps restarting, and one without a container."""
    restarted = {"restart_policy": {"Name": "always"}}
    steady = DockerContainer(IMAGE).with_command(["sleep", "600"]).with_kwargs(**restarted)
    broken = (
        DockerContainer(IMAGE).with_command(["sh", "-c", "echo no permission >&2; exit 1"]).with_kwargs(**restarted)
    )
    with steady, broken:
        ids = {"steady": steady, "broken": broken}
        found = [Part(name, one.get_wrapped_container().id) for name, one in ids.items()]
        yield [*found, Part("absent", "")]


def test_parts(parts: list[Part]) -> None:
    """A container that keeps restarting does not count as running, and its log is printed."""
    engine = Docker()
    runs = {part.name: result for part, result in watch(parts, engine)}
    assert runs == {"steady": True, "broken": False, "absent": False}
    shown = report(parts[1], runs=False, engine=engine)
    assert "monitoring: broken does not run" in shown
    assert shown.endswith("    no permission")
    assert report(parts[2], runs=False, engine=engine).endswith(
        "(missing, 0 restarts); the end of its log:\n    (empty)"
    )
