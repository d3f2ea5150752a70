"""Traefik's entrypoints and the tunnel's ingress: is the API reachable, and is the client address header safe?"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from yaml import Node

from dinky.findings import Finding, State
from dinky.needs.compose import service_by_image
from dinky.needs.model import CLOUDFLARED, COMPOSE, TRAEFIK
from dinky.yaml_text import CannotEditError, child, elements, items, parse, scalar, scalars

_FLAG: Final = re.compile(r"--entrypoints\.([^.=]+)\.address=(\S+)", re.IGNORECASE)
_PUBLISHED: Final = re.compile(
    r"(?:(?P<host>\[[^\]]*\]|\d+(?:\.\d+){3}):)?(?:(?P<public>.*):)?(?P<first>\d+)(?:-(?P<last>\d+))?(?:/tcp)?"
)
_VARIABLE: Final = re.compile(r"\$\{\w+(?::?-([^}]*))?[^}]*\}")
_LOOPBACK: Final = re.compile(r"127(?:\.\d+){3}|\[?::1\]?")
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}


@dataclass(frozen=True, slots=True)
class Publication:
    """How the API is to be reached from outside.

    Args:
        host: its name, as mail-api.example.org; empty while MAIL_DOMAIN is not set.
        enabled: TRAEFIK_ENABLE.
        entrypoint: TRAEFIK_ENTRYPOINT.
        tls: TRAEFIK_TLS.
        header: CLIENT_ADDRESS_HEADER; empty where it is not set.
    """

    host: str
    enabled: bool
    entrypoint: str
    tls: bool
    header: str = ""


class _Rule(NamedTuple):
    """An entry of cloudflared's ingress: `- hostname: www.example.org` with `service: http://traefik:80`."""

    hostname: str
    service: str

    def matches(self, host: str) -> bool:
        """Return whether cloudflared sends requests for the host here; `*.example.org` is any name below that."""
        return self.hostname in {"", "*", host} or (
            self.hostname.startswith("*.") and host.endswith(self.hostname.removeprefix("*"))
        )


def findings(wanted: Publication, texts: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what the way from the tunnel to the API lacks: missing where the API is published, else for information."""
    services = child(parse(texts[COMPOSE]), "services")
    try:
        entrypoints = _entrypoints(services, texts)
    except CannotEditError as error:
        yield Finding(State.NOTE, TRAEFIK, f"it cannot be read: {error}")
        return
    lacking = State.MISSING if wanted.enabled else State.NOTE
    if not wanted.enabled:
        yield Finding(State.NOTE, TRAEFIK, "TRAEFIK_ENABLE is not true: the API is not published through Traefik")
    yield _entrypoint(wanted, entrypoints, lacking)
    try:
        yield from _ingress(wanted, entrypoints, texts, lacking)
    except CannotEditError as error:
        yield Finding(State.NOTE, CLOUDFLARED, f"it cannot be read: {error}")
    if wanted.header:
        yield from _forgeable(wanted, entrypoints, services)


def _entrypoints(services: Node | None, texts: Mapping[str, str]) -> dict[str, str]:
    """Return Traefik's entrypoints and their addresses, as `:80`, from its file or else its flags."""
    root = parse(texts[TRAEFIK]) if TRAEFIK in texts else None
    named = next((value for key, value in items(root) if key.lower() == "entrypoints"), None)
    found = {name: scalar(child(one, "address")) for name, one in items(named)}
    command = child(child(services, service_by_image(services, "traefik")), "command")
    given = scalar(command).split() or scalars(command)
    return found | {match[1]: match[2] for one in given if (match := _FLAG.fullmatch(one))}


def _entrypoint(wanted: Publication, entrypoints: Mapping[str, str], lacking: State) -> Finding:
    if not entrypoints:
        return Finding(State.NOTE, TRAEFIK, "Traefik's entrypoints are not here: they cannot be checked")
    if wanted.entrypoint in entrypoints:
        return Finding(State.OK, TRAEFIK, f"Traefik has the entrypoint {wanted.entrypoint}")
    return Finding(
        lacking,
        TRAEFIK,
        f"Traefik has no entrypoint {wanted.entrypoint}, so it answers 404 for the API; it has: "
        f"{', '.join(entrypoints)}",
        f"set TRAEFIK_ENTRYPOINT={next(iter(entrypoints))} in .env.mail.prod, or add {wanted.entrypoint} to "
        f"`entryPoints` in {TRAEFIK}",
    )


def _port(wanted: Publication, entrypoints: Mapping[str, str]) -> str:
    address = entrypoints.get(wanted.entrypoint, "").partition("/")[0]
    return address.rpartition(":")[2] or ("443" if wanted.tls else "80")


def _ingress(
    wanted: Publication, entrypoints: Mapping[str, str], texts: Mapping[str, str], lacking: State
) -> Iterator[Finding]:
    if CLOUDFLARED not in texts:
        return
    ingress = child(parse(texts[CLOUDFLARED]), "ingress")
    if ingress is None:
        yield Finding(
            State.NOTE, CLOUDFLARED, "it has no `ingress`: if Cloudflare's dashboard has it, look there for the API"
        )
        return
    if not wanted.host:
        yield Finding(lacking, CLOUDFLARED, "the API's host is not known", "set MAIL_DOMAIN in .env.mail.prod")
        return
    target = f"{'https' if wanted.tls else 'http'}://traefik:{_port(wanted, entrypoints)}"
    # An entry with `path` takes a part of the requests only.
    rules = [
        _Rule(scalar(child(one, "hostname")), scalar(child(one, "service")))
        for one in elements(ingress)
        if child(one, "path") is None
    ]
    yield _way(wanted.host, target, next((rule for rule in rules if rule.matches(wanted.host)), None), lacking)


def _way(host: str, target: str, rule: _Rule | None, lacking: State) -> Finding:
    if rule and _address(rule.service) == _address(target):
        return Finding(State.OK, CLOUDFLARED, f"the tunnel leads {host} to {target}")
    name = rule.hostname if rule else ""
    before = f"the entry `hostname: {name}`" if name not in {"", "*"} else "the last entry, the one without `hostname`"
    entry = f"`- hostname: {host}` with `service: {target}`"
    if rule and name == host:
        return Finding(
            lacking,
            CLOUDFLARED,
            f"the tunnel leads {host} to {rule.service}, not to {target}",
            f"write `service: {target}` in the entry `hostname: {host}`, then `docker restart cloudflared`",
        )
    return Finding(
        lacking,
        CLOUDFLARED,
        f"the tunnel has no entry that leads {host} to {target}"
        + (f"; it goes to {rule.service}" if rule and rule.service else ""),
        f"add {entry} to `ingress`, before {before} (the first entry that matches counts), and the DNS record "
        f"(`cloudflared tunnel route dns TUNNEL {host}`); then `docker restart cloudflared`",
    )


def _address(service: str) -> tuple[str, str]:
    """Return scheme, and host with port, of a URL; `http://traefik` is port 80."""
    scheme, _, rest = service.lower().partition("://")
    host, _, port = rest.partition("/")[0].partition(":")
    return scheme, f"{host}:{port or _DEFAULT_PORTS.get(scheme, '')}"


def _forgeable(wanted: Publication, entrypoints: Mapping[str, str], services: Node | None) -> Iterator[Finding]:
    name = service_by_image(services, "traefik")
    service = child(services, name) if name else None
    if service is None:
        return
    port = int(found) if (found := _port(wanted, entrypoints)).isdecimal() else 80
    open_ports = [one for one in elements(child(service, "ports")) if _is_open(one, port)]
    if open_ports or scalar(child(service, "network_mode")) == "host":
        yield Finding(
            State.WARNING,
            COMPOSE,
            f"port {port} of {name} is published outside of this host: a request that goes there directly can forge "
            f"{wanted.header}, and so avoid RATE_LIMIT",
            f'write `- "127.0.0.1:{port}:{port}"` in `ports` of the service {name}, or remove that port: cloudflared '
            "reaches it over traefik_network",
        )


def _is_open(published: Node, port: int) -> bool:
    """Return whether an element of `ports`, in either form, publishes the container's port for other hosts."""
    if target := scalar(child(published, "target")):
        return target == str(port) and not _LOOPBACK.fullmatch(scalar(child(published, "host_ip")))
    match = _PUBLISHED.fullmatch(_VARIABLE.sub(r"\1", scalar(published)))
    if not match:
        return False
    first, last = int(match["first"]), int(match["last"] or match["first"])
    return first <= port <= last and not _LOOPBACK.fullmatch(match["host"] or "")
