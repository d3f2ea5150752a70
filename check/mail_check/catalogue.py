"""List of all checks, in the order of the report."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from mail_api.settings import Settings as ApiSettings
from mail_check.checks import dns, host, monitoring, networks, relay, services, spf, variables
from mail_check.host_facts import HostFacts
from mail_check.results import Area, unknown
from mail_check.runner import Check, bind, dns_check, service_check
from mail_check.settings import CheckSettings, MailSettings
from mail_exporter.settings import Settings as ExporterSettings

STEP_SECONDS: Final = 6.0
"""Time limit of one connection, request or lookup; a check may make several."""
_VOLUMES: Final = {
    "spool": Path("/var/spool/postfix"),
    "log": Path("/var/log/mail"),
    "ledger": Path("/var/lib/mail-ledger"),
}
_MAKE_CHECK: Final = "Run `make check` on the host."


def checks(
    settings: CheckSettings, mail: MailSettings | None, facts: HostFacts | None, environ: Mapping[str, str]
) -> list[Check]:
    """Return all checks in the order of the report.

    Args:
        settings: the servers to ask in addition to the stack.
        mail: the mail server's settings; None where they cannot be used, which leaves out DNS and the relay.
        facts: the host facts; None where `mail-check` was started without them.
        environ: this process's variables.
    """
    return [
        *_variables(facts, environ),
        *_services(facts),
        *_networks(facts),
        *_ports(facts),
        *(_dns(mail, facts) if mail else ()),
        *(_relay(mail, facts, environ) if mail else ()),
        Check(
            Area.CERTIFICATE,
            "port 587",
            service_check("mail-server", facts, services.check_certificate, "mail-server", 587, STEP_SECONDS),
        ),
        *_host(settings),
        *_monitoring(settings, environ),
    ]


def _variables(facts: HostFacts | None, environ: Mapping[str, str]) -> Iterator[Check]:
    yield Check(Area.CONFIGURATION, "mail-server", partial(variables.check_mail_server, facts))
    yield Check(Area.CONFIGURATION, "mail-api", partial(variables.check_service, ApiSettings))
    yield Check(Area.CONFIGURATION, "mail-exporter", partial(variables.check_service, ExporterSettings))
    yield Check(Area.CONFIGURATION, "forms", variables.check_forms)
    yield Check(Area.CONFIGURATION, "$ in values", partial(variables.check_dollars, facts, environ))


def _services(facts: HostFacts | None) -> Iterator[Check]:
    area = Area.SERVICES
    if facts is None:
        why = "the state of containers is only known to Docker"
        yield Check(area, "containers", bind(unknown, why, _MAKE_CHECK))
    else:
        for name in services.SERVICES:
            yield Check(area, name, bind(services.check_container, name, facts))
    ready = service_check("mail-api", facts, services.check_readiness, "http://mail-api:20001/ready", STEP_SECONDS)
    yield Check(area, "ready", ready)
    collectors = service_check(
        "mail-exporter", facts, services.check_exporter, "http://mail-exporter:9154/metrics", STEP_SECONDS
    )
    yield Check(area, "log, queue, ledger", collectors)
    queue = service_check("mail-server", facts, services.check_queue, "mail-queue", 9025, STEP_SECONDS)
    yield Check(area, "queue", queue)


def _networks(facts: HostFacts | None) -> Iterator[Check]:
    for name, function in (
        ("joined", networks.check_joined),
        ("trusted at port 25", networks.check_trusted),
        ("gateway's address", networks.check_gateway_clients),
    ):
        why = "the networks of containers are only known to Docker"
        yield Check(Area.NETWORKS, name, bind(function, facts) if facts else bind(unknown, why, _MAKE_CHECK))


def _ports(facts: HostFacts | None) -> Iterator[Check]:
    for port in services.HOST_PORTS:
        published = (
            bind(services.check_published, port, facts)
            if facts
            else bind(unknown, "published ports are only known to Docker", _MAKE_CHECK)
        )
        yield Check(Area.PORTS, f"{port.host_port} of the host", published)
    for number in (25, 2525, 587):
        greeting = service_check("mail-server", facts, services.check_greeting, ("mail-server", number), STEP_SECONDS)
        yield Check(Area.PORTS, f"mail-server:{number}", greeting)


def _dns(mail: MailSettings, facts: HostFacts | None) -> Iterator[Check]:
    if dns.is_reserved(mail.domain):
        yield Check(Area.DNS, mail.domain, bind(dns.reserved, mail))
        return
    relay_host = mail.relay.host if mail.relay else None
    for name, function in (
        ("MX", partial(dns.check_mx, mail)),
        ("address", partial(dns.check_address, mail)),
        ("PTR", partial(dns.check_ptr, mail)),
        ("SPF", partial(spf.check_spf, mail.domain, mail.hostname, relay_host)),
        ("DMARC", partial(dns.check_dmarc, mail.domain)),
        ("DKIM", partial(dns.check_dkim, mail)),
    ):
        yield Check(Area.DNS, name, dns_check(facts, function))


def _relay(mail: MailSettings, facts: HostFacts | None, environ: Mapping[str, str]) -> Iterator[Check]:
    if mail.relay is None:
        outward = partial(relay.check_direct_delivery, mail, timeout=STEP_SECONDS)
        yield Check(Area.RELAY, "port 25 outwards", dns_check(facts, outward))
    elif facts is None and not {"SMTP_RELAY_USERNAME", "SMTP_RELAY_USERNAME_FILE"} & environ.keys():
        yield Check(Area.RELAY, "login", bind(unknown, "this container does not get the relay's account", _MAKE_CHECK))
    else:
        yield Check(Area.RELAY, mail.relay.host, partial(relay.check_relay, mail, mail.relay, STEP_SECONDS))


def _host(settings: CheckSettings) -> Iterator[Check]:
    yield Check(Area.MACHINE, "clock", bind(host.check_clock, settings.ntp_server, STEP_SECONDS))
    for name, path in _VOLUMES.items():
        yield Check(Area.MACHINE, f"disk: {name}", bind(host.check_disk, path))


def _monitoring(settings: CheckSettings, environ: Mapping[str, str]) -> Iterator[Check]:
    area = Area.MONITORING
    yield Check(area, "Prometheus", partial(monitoring.check_prometheus, settings.prometheus_url, STEP_SECONDS))
    yield Check(area, "Alertmanager", bind(monitoring.check_alertmanager, settings.alertmanager_url, STEP_SECONDS))
    yield Check(area, "collector", bind(monitoring.check_collector, environ, STEP_SECONDS))
