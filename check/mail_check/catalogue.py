"""Everything that is looked at, and how: the page to read first."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from mail_api.settings import Settings as ApiSettings
from mail_check import (
    certificate,
    clock,
    configuration,
    direct,
    disk,
    dmarc,
    domain,
    monitoring,
    ports,
    relay,
    services,
    spf,
)
from mail_check.finding import Area, unknown
from mail_check.host import Host
from mail_check.look import Look
from mail_check.looking import in_dns, of_service, one
from mail_check.settings import Settings
from mail_check.stack import Stack
from mail_exporter.settings import Settings as ExporterSettings

STEP_SECONDS: Final = 6.0
"""For one connection, request or question; a look may take several."""
_VOLUMES: Final = {
    "spool": Path("/var/spool/postfix"),
    "log": Path("/var/log/mail"),
    "ledger": Path("/var/lib/mail-ledger"),
}
_MAKE_CHECK: Final = "`make check` on the host sees it."


def looks(settings: Settings, stack: Stack | None, host: Host | None, environ: Mapping[str, str]) -> list[Look]:
    """Return all looks in the order of the report.

    Args:
        settings: whom to ask beside the stack.
        stack: the variables; None where they can't be used, and then nothing is said about what depends on them.
        host: what the machine told; None in a container that nobody told anything.
        environ: this process's variables.
    """
    return [
        *_configuration(host),
        *_services(host),
        *_ports(host),
        *(_domain(stack, host) if stack else ()),
        *(_way_out(stack, host, environ) if stack else ()),
        Look(
            Area.CERTIFICATE,
            "port 587",
            of_service("mail-server", host, certificate.submission, "mail-server", 587, STEP_SECONDS),
        ),
        *_machine(settings),
        *_monitoring(settings, environ),
    ]


def _configuration(host: Host | None) -> Iterator[Look]:
    yield Look(Area.CONFIGURATION, "mail-server", partial(configuration.mail_server, host))
    yield Look(Area.CONFIGURATION, "mail-api", partial(configuration.service, ApiSettings))
    yield Look(Area.CONFIGURATION, "mail-exporter", partial(configuration.service, ExporterSettings))


def _services(host: Host | None) -> Iterator[Look]:
    area = Area.SERVICES
    if host is None:
        yield Look(area, "containers", one(unknown, "only Docker can tell whether they run", _MAKE_CHECK))
    else:
        yield from (Look(area, name, one(services.container, name, host)) for name in services.SERVICES)
    ready = of_service("mail-api", host, services.readiness, "http://mail-api:20001/ready", STEP_SECONDS)
    yield Look(area, "ready", ready)
    parts = of_service(
        "mail-exporter", host, services.exporter_parts, "http://mail-exporter:9154/metrics", STEP_SECONDS
    )
    yield Look(area, "log, queue, ledger", parts)
    yield Look(area, "queue", of_service("mail-server", host, services.queue, "mail-queue", 9025, STEP_SECONDS))


def _ports(host: Host | None) -> Iterator[Look]:
    for door in ports.DOORS:
        looking = one(ports.published, door, host) if host else one(unknown, "only Docker can tell", _MAKE_CHECK)
        yield Look(Area.PORTS, f"{door.host_port} of the host", looking)
    for port in (25, 2525, 587):
        greeting = of_service("mail-server", host, ports.greeting, ("mail-server", port), STEP_SECONDS)
        yield Look(Area.PORTS, f"mail-server:{port}", greeting)


def _domain(stack: Stack, host: Host | None) -> Iterator[Look]:
    if domain.is_reserved(stack.domain):
        yield Look(Area.DNS, stack.domain, one(domain.reserved, stack))
        return
    own_name = stack.relay.host if stack.relay else None
    for name, judge in (
        ("MX", partial(domain.mx, stack)),
        ("address", partial(domain.address, stack)),
        ("PTR", partial(domain.pointer, stack)),
        ("SPF", partial(spf.look, stack.domain, stack.hostname, own_name)),
        ("DMARC", partial(dmarc.look, stack.domain)),
        ("DKIM", partial(domain.dkim, stack)),
    ):
        yield Look(Area.DNS, name, in_dns(host, judge))


def _way_out(stack: Stack, host: Host | None, environ: Mapping[str, str]) -> Iterator[Look]:
    if stack.relay is None:
        yield Look(Area.RELAY, "port 25 outwards", in_dns(host, partial(direct.outward, stack, timeout=STEP_SECONDS)))
    elif host is None and not {"SMTP_RELAY_USERNAME", "SMTP_RELAY_USERNAME_FILE"} & environ.keys():
        yield Look(Area.RELAY, "login", one(unknown, "only mail-server is given the account", _MAKE_CHECK))
    else:
        yield Look(Area.RELAY, stack.relay.host, partial(relay.look, stack, stack.relay, STEP_SECONDS))


def _machine(settings: Settings) -> Iterator[Look]:
    yield Look(Area.MACHINE, "clock", one(clock.look, settings.ntp_server, STEP_SECONDS))
    yield from (Look(Area.MACHINE, f"disk: {name}", one(disk.look, path)) for name, path in _VOLUMES.items())


def _monitoring(settings: Settings, environ: Mapping[str, str]) -> Iterator[Look]:
    area = Area.MONITORING
    yield Look(area, "Prometheus", partial(monitoring.prometheus, settings.prometheus_url, STEP_SECONDS))
    yield Look(area, "Alertmanager", one(monitoring.alertmanager, settings.alertmanager_url, STEP_SECONDS))
    yield Look(area, "collector", one(monitoring.collector, environ, STEP_SECONDS))
