"""Check Traefik's entrypoints and the tunnel's ingress: API reachable, client address header not forgeable."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from yaml import Node

from dinky.changes.compose import service_by_image
from dinky.server_folder import CLOUDFLARED, COMPOSE, TRAEFIK
from dinky.status import InstallState, StatusLine
from dinky.yaml_edit import CannotEditError, child, elements, items, parse, scalar, scalars

_FLAG: Final = re.compile(r"--entrypoints\.([^.=]+)\.address=(\S+)", re.IGNORECASE)
_PUBLISHED: Final = re.compile(
    r"(?:(?P<host>\[[^\]]*\]|\d+(?:\.\d+){3}):)?(?:(?P<public>.*):)?(?P<first>\d+)(?:-(?P<last>\d+))?(?:/tcp)?"
)
_VARIABLE: Final = re.compile(r"\$\{\w+(?::?-([^}]*))?[^}]*\}")
_LOOPBACK: Final = re.compile(r"127(?:\.\d+){3}|\[?::1\]?")
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}


@dataclass(frozen=True, slots=True)
class ApiPublication:
    """How the API is published through Traefik.

    Args:
        host: its host name, as mail-api.example.org; empty while MAIL_DOMAIN is not set.
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
        """Return whether cloudflared uses this entry for the host; `*.example.org` is any name below that."""
        return self.hostname in {"", "*", host} or (
            self.hostname.startswith("*.") and host.endswith(self.hostname.removeprefix("*"))
        )


def status_lines(publication: ApiPublication, texts: Mapping[str, str]) -> Iterator[StatusLine]:
    """Yield what is missing between the tunnel and the API; notes where the API is not published."""
    services = child(parse(texts[COMPOSE]), "services")
    try:
        entrypoints = _entrypoints(services, texts)
    except CannotEditError as error:
        yield StatusLine(InstallState.NOTE, TRAEFIK, f"it cannot be read: {error}")
        return
    severity = InstallState.MISSING if publication.enabled else InstallState.NOTE
    if not publication.enabled:
        yield StatusLine(
            InstallState.NOTE, TRAEFIK, "TRAEFIK_ENABLE is not true: the API is not published through Traefik"
        )
    yield _entrypoint(publication, entrypoints, severity)
    try:
        yield from _ingress(publication, entrypoints, texts, severity)
    except CannotEditError as error:
        yield StatusLine(InstallState.NOTE, CLOUDFLARED, f"it cannot be read: {error}")
    if publication.header:
        yield from _forgeable(publication, entrypoints, services)


def _entrypoints(services: Node | None, texts: Mapping[str, str]) -> dict[str, str]:
    """Return Traefik's entrypoints and their addresses, as `:80`, from its file or else its flags."""
    root = parse(texts[TRAEFIK]) if TRAEFIK in texts else None
    named = next((value for key, value in items(root) if key.lower() == "entrypoints"), None)
    found = {name: scalar(child(one, "address")) for name, one in items(named)}
    command = child(child(services, service_by_image(services, "traefik")), "command")
    given = scalar(command).split() or scalars(command)
    return found | {match[1]: match[2] for one in given if (match := _FLAG.fullmatch(one))}


def _entrypoint(publication: ApiPublication, entrypoints: Mapping[str, str], severity: InstallState) -> StatusLine:
    if not entrypoints:
        return StatusLine(
            InstallState.NOTE, TRAEFIK, "Traefik's entrypoints are not in these files: they cannot be checked"
        )
    if publication.entrypoint in entrypoints:
        return StatusLine(InstallState.OK, TRAEFIK, f"Traefik has the entrypoint {publication.entrypoint}")
    return StatusLine(
        severity,
        TRAEFIK,
        f"Traefik has no entrypoint {publication.entrypoint}, so it answers 404 for the API; it has: "
        f"{', '.join(entrypoints)}",
        f"set TRAEFIK_ENTRYPOINT={next(iter(entrypoints))} in .env.mail.prod, or add {publication.entrypoint} to "
        f"`entryPoints` in {TRAEFIK}",
    )


def _port(publication: ApiPublication, entrypoints: Mapping[str, str]) -> str:
    address = entrypoints.get(publication.entrypoint, "").partition("/")[0]
    return address.rpartition(":")[2] or ("443" if publication.tls else "80")


def _ingress(
    publication: ApiPublication, entrypoints: Mapping[str, str], texts: Mapping[str, str], severity: InstallState
) -> Iterator[StatusLine]:
    if CLOUDFLARED not in texts:
        return
    ingress = child(parse(texts[CLOUDFLARED]), "ingress")
    if ingress is None:
        yield StatusLine(
            InstallState.NOTE,
            CLOUDFLARED,
            "it has no `ingress`: if it is in Cloudflare's dashboard, check the API's entry there",
        )
        return
    if not publication.host:
        yield StatusLine(severity, CLOUDFLARED, "the API's host is not known", "set MAIL_DOMAIN in .env.mail.prod")
        return
    target = f"{'https' if publication.tls else 'http'}://traefik:{_port(publication, entrypoints)}"
    # An entry with `path` takes a part of the requests only.
    rules = [
        _Rule(scalar(child(one, "hostname")), scalar(child(one, "service")))
        for one in elements(ingress)
        if child(one, "path") is None
    ]
    yield _tunnel(
        publication.host, target, next((rule for rule in rules if rule.matches(publication.host)), None), severity
    )


def _tunnel(host: str, target: str, rule: _Rule | None, severity: InstallState) -> StatusLine:
    if rule and _address(rule.service) == _address(target):
        return StatusLine(InstallState.OK, CLOUDFLARED, f"the tunnel leads {host} to {target}")
    name = rule.hostname if rule else ""
    before = f"the entry `hostname: {name}`" if name not in {"", "*"} else "the last entry, the one without `hostname`"
    entry = f"`- hostname: {host}` with `service: {target}`"
    if rule and name == host:
        return StatusLine(
            severity,
            CLOUDFLARED,
            f"the tunnel leads {host} to {rule.service}, not to {target}",
            f"write `service: {target}` in the entry `hostname: {host}`, then `docker restart cloudflared`",
        )
    return StatusLine(
        severity,
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


def _forgeable(
    publication: ApiPublication, entrypoints: Mapping[str, str], services: Node | None
) -> Iterator[StatusLine]:
    name = service_by_image(services, "traefik")
    service = child(services, name) if name else None
    if service is None:
        return
    port = int(found) if (found := _port(publication, entrypoints)).isdecimal() else 80
    open_ports = [one for one in elements(child(service, "ports")) if _is_open(one, port)]
    if open_ports or scalar(child(service, "network_mode")) == "host":
        yield StatusLine(
            InstallState.WARNING,
            COMPOSE,
            f"port {port} of {name} is published outside of this host: a request that goes there directly can forge "
            f"{publication.header}, and so avoid RATE_LIMIT",
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
