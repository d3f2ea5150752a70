"""The doors: whether our own services answer at theirs, and whether the host leads there."""

import socket
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final, NamedTuple

from mail_check.finding import Verdict, failed, ok, unknown, warning
from mail_check.host import Host, Published


class Door(NamedTuple):
    """A port of the host in production, and the container's behind it; `outside`: the world is meant to reach it."""

    host_port: int
    service: str
    port: int
    outside: bool
    purpose: str


DOORS: Final = (
    Door(25, "mail-server", 2525, outside=True, purpose="mail from outside"),
    Door(587, "mail-server", 587, outside=True, purpose="mail programs"),
    Door(20001, "mail-api", 20001, outside=False, purpose="the API"),
)
"""As docker-compose.mail.prod.yml publishes them; a contract test compares."""


def published(door: Door, host: Host) -> Verdict:
    """Judge where the host offers a port."""
    if not host.runs(door.service):
        return _before_start(door, host)
    found = [one for one in host.published if (one.service, one.port) == (door.service, door.port)]
    if not found:
        problem = f"port {door.port} of {door.service} is not published: {door.purpose} can't come in"
        return warning(problem, f"Give it back its line under `ports:` ({door.host_port}:{door.port}).")
    places = ", ".join(f"{one.address}:{one.host_port}" for one in found)
    if door.outside and not _is_open(found, door.host_port):
        problem = f"published as {places}: {door.purpose} can't come in"
        return warning(problem, f"Publish it as {door.host_port}:{door.port}, unless this is for trying out.")
    return ok(f"{places} leads to {door.service}")


def _is_open(found: Sequence[Published], host_port: int) -> bool:
    return any(one.host_port == host_port and not ip_address(one.address).is_loopback for one in found)


def _before_start(door: Door, host: Host) -> Verdict:
    if door.host_port in host.listening:
        return failed(
            f"something else listens on this machine: {door.service} can't start",
            f"See who (`ss -ltnp 'sport = :{door.host_port}'`) and stop it; often it is the system's own mail server.",
        )
    return unknown(f"{door.service} does not run")


def greeting(place: tuple[str, int], timeout: float) -> Verdict:
    """Judge whether a port greets as a mail server does.

    Raises:
        OSError: nobody answers.
    """
    with socket.create_connection(place, timeout) as connection, connection.makefile("rwb") as stream:
        line = stream.readline(512).decode("utf-8", "replace").strip()
        stream.write(b"QUIT\r\n")
    if line.startswith("220"):
        return ok(f"greets: {line}")
    return failed(f"does not greet: {line or 'it closes the connection'}", "`docker logs mail-server`")
