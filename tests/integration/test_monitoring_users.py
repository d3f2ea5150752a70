"""Tempo and Alloy can write to their folders, with substitutes for their images."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from docker.client import DockerClient
from docker.errors import ContainerError

from tests.contract.test_monitoring import PARTS

TAG: Final = "dinky-mail/stand-in-folders:test"
# The folders as the images define them: grafana/tempo:2.7.2 and grafana/alloy:v1.9.1.
DOCKERFILE: Final = b"""
FROM debian:trixie-slim
RUN mkdir -p /var/tempo /var/lib/alloy/data \\
    && chown 10001:10001 /var/tempo && chmod 0700 /var/tempo \\
    && chown -R 473:473 /var/lib/alloy && chmod -R 0770 /var/lib/alloy
"""
PING: Final = (
    "use IO::Socket::UNIX; my $docker = IO::Socket::UNIX->new(Peer => '/var/run/docker.sock') or die $!;"
    'print $docker "GET /_ping HTTP/1.0\\r\\n\\r\\n"; print <$docker>;'
)
FOLDERS: Final = {"tempo": "/var/tempo", "alloy": "/var/lib/alloy/data"}


@pytest.fixture(scope="module")
def docker() -> Iterator[DockerClient]:
    """Return Docker, with the substitute image until the end of the tests."""
    client = DockerClient.from_env()
    client.images.build(fileobj=io.BytesIO(DOCKERFILE), tag=TAG, rm=True)
    yield client
    client.images.remove(TAG)


@contextmanager
def volume(docker: DockerClient) -> Iterator[str]:
    """Return a new volume."""
    made = docker.volumes.create()
    try:
        yield str(made.name)
    finally:
        made.remove()


def run(docker: DockerClient, name: str, *command: str, **changed: Any) -> str:  # noqa: ANN401 - docker-py's
    """Run a command with the settings that the compose file gives the part, and return its output."""
    part = PARTS[name]
    with volume(docker) as empty:
        options = {
            "user": part["user"],
            "cap_drop": part["cap_drop"],
            "security_opt": part["security_opt"],
            "volumes": [f"{empty}:{FOLDERS[name]}", *(one for one in part["volumes"] if "docker.sock" in one)],
        }
        return str(docker.containers.run(TAG, list(command), remove=True, **options | changed), "utf-8")


def test_folders_are_mounted() -> None:
    """The profile's volumes are mounted at the folders of these tests."""
    for name, folder in FOLDERS.items():
        assert [one for one in PARTS[name]["volumes"] if one == f"{name}-data:{folder}"]


@pytest.mark.parametrize("name", FOLDERS)
def test_writes_to_its_volume(docker: DockerClient, name: str) -> None:
    """A new volume is writable, also in subfolders."""
    folder = FOLDERS[name]
    script = f"mkdir {folder}/wal && echo written >{folder}/wal/file && cat {folder}/wal/file"
    assert run(docker, name, "sh", "-c", script) == "written\n"


@pytest.mark.parametrize("name", FOLDERS)
def test_root_without_capabilities_cannot(docker: DockerClient, name: str) -> None:
    """Root without capabilities cannot write, since the substitute's folders have the real owners."""
    with pytest.raises(ContainerError, match="Permission denied"):
        run(docker, name, "mkdir", f"{FOLDERS[name]}/wal", user="0:0")


def test_alloy_reaches_docker(docker: DockerClient) -> None:
    """Alloy's user can use Docker's socket."""
    assert "200 OK" in run(docker, "alloy", "perl", "-e", PING)
