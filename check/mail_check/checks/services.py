"""Check the containers, their ports, readiness, queue, exporter and the submission certificate."""

import socket
import time
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from mail_check.host_facts import HostFacts, PublishedPort
from mail_check.http_client import HttpResponse, get
from mail_check.results import Result, failed, ok, unknown, warning
from mail_exporter.collectors.certificate import read_expiry
from mail_exporter.collectors.queue import read_queue
from mail_telemetry.metrics import exporter

SERVICES: Final = ("mail-server", "mail-api", "mail-exporter")
_UP: Final = "`docker compose -f docker-compose.mail.prod.yml --env-file .env.mail.prod up -d --wait`"

CERTIFICATE_DAYS: Final = 14
"""As in the alert MailCertificateExpiring; a contract test compares."""
_DAY: Final = 86_400
_CERTIFICATE_FIX: Final = (
    "Put the new certificate where TLS_CERT_FILE and TLS_KEY_FILE point; mail-server loads it without a restart."
)


class HostPort(NamedTuple):
    """A port of the host in production and the container port behind it; `public`: reachable from the internet."""

    host_port: int
    service: str
    port: int
    public: bool
    purpose: str


HOST_PORTS: Final = (
    HostPort(25, "mail-server", 2525, public=True, purpose="mail from outside"),
    HostPort(587, "mail-server", 587, public=True, purpose="mail programs"),
    HostPort(20001, "mail-api", 20001, public=False, purpose="the API"),
)
"""As docker-compose.mail.prod.yml publishes them; a contract test compares."""


# Containers


def check_container(service: str, facts: HostFacts) -> Result:
    """Check a service's container: running, healthy, and with the current settings."""
    state = facts.containers.get(service)
    if state is None:
        return unknown("not started yet", f"Start it: {_UP}.")
    if state.state != "running":
        why = state.error or f"exit code {state.exit_code}"
        return failed(f"is {state.state} ({why})", f"`docker logs {service}` ends with the reason; then {_UP}.")
    if state.health == "unhealthy":
        fix = f"`docker inspect -f '{{{{json .State.Health}}}}' {service}` shows the reason."
        return failed("runs, but is unhealthy", fix)
    if service in facts.changed:
        return warning("runs with other settings than it would be started with now", f"Apply them: {_UP}.")
    return ok(f"runs{f', {state.health}' if state.health else ''}")


def check_readiness(url: str, timeout: float) -> Result:
    """Check the API's /ready, which answers 200 while a mail would be delivered; the API logs the reason otherwise.

    Raises:
        OSError: the API does not answer.
    """
    response = get(url, timeout)
    if response.status == HTTPStatus.OK:
        return ok("a mail sent now will leave")
    if response.status == HTTPStatus.SERVICE_UNAVAILABLE:
        return failed("a mail sent now would not leave", "`docker logs mail-api`: the line `not ready` has the reason.")
    return failed(f"{url} answers {response.status}", "`docker logs mail-api`")


def check_exporter(url: str, timeout: float) -> Iterator[Result]:
    """Check what the exporter can read: log, queue, ledger, certificate, volumes.

    Raises:
        OSError: the exporter does not answer.
    """
    parts = read_parts(get(url, timeout))
    unreadable = sorted(part for part, is_read in parts.items() if not is_read)
    if unreadable:
        fix = "`docker exec mail-exporter mail-exporter check` shows the reason."
        yield failed(f"it cannot read: {', '.join(unreadable)}", fix)
    elif parts:
        yield ok(f"it reads {', '.join(sorted(parts))}")
    else:
        yield failed(f"{url} has no metric {exporter.SCRAPE_SUCCESS.name}", "`docker logs mail-exporter`")


def read_parts(response: HttpResponse) -> dict[str, bool]:
    """Return the parts of an exposition's `mail_exporter_scrape_success`, and whether each can be read."""
    return {
        sample.labels["part"]: sample.value > 0
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
        if sample.name == exporter.SCRAPE_SUCCESS.name
    }


def check_queue(host: str, port: int, timeout: float) -> Result:
    """Check the mail server's queue for deferred mails.

    Raises:
        QueueUnavailable: the queue cannot be read.
    """
    mails = read_queue(host, port, timeout)
    deferred = sum(mail.queue == "deferred" for mail in mails)
    if deferred:
        fix = (
            "`docker exec mail-server mailq` shows why, `docker exec mail-exporter mail-exporter explain ID` the rest."
        )
        return warning(f"{deferred} of {len(mails)} mails are deferred: tried without success, and waiting", fix)
    return ok(f"{len(mails)} mails, none deferred")


# Ports


def check_published(port: HostPort, facts: HostFacts) -> Result:
    """Check that the host publishes a port; before the first start, that the port is free."""
    if not facts.runs(port.service):
        return _before_start(port, facts)
    found = [one for one in facts.published if (one.service, one.port) == (port.service, port.port)]
    if not found:
        problem = f"port {port.port} of {port.service} is not published: {port.purpose} cannot reach it"
        return warning(problem, f"Restore its line under `ports:` ({port.host_port}:{port.port}).")
    places = ", ".join(f"{one.address}:{one.host_port}" for one in found)
    if port.public and not _is_public(found, port.host_port):
        problem = f"published as {places}: {port.purpose} cannot reach it"
        return warning(problem, f"Publish it as {port.host_port}:{port.port}, unless this is a test installation.")
    return ok(f"{places} leads to {port.service}")


def _is_public(found: Sequence[PublishedPort], host_port: int) -> bool:
    return any(one.host_port == host_port and not ip_address(one.address).is_loopback for one in found)


def _before_start(port: HostPort, facts: HostFacts) -> Result:
    if port.host_port in facts.listening:
        return failed(
            f"another program listens on this port: {port.service} cannot start",
            f"Find it (`ss -ltnp 'sport = :{port.host_port}'`) and stop it; often it is the system's own mail server.",
        )
    return unknown(f"{port.service} does not run")


def check_greeting(place: tuple[str, int], timeout: float) -> Result:
    """Check that a port greets with 220, as a mail server does.

    Raises:
        OSError: the connection is refused or broken.
    """
    with socket.create_connection(place, timeout) as connection, connection.makefile("rwb") as stream:
        line = stream.readline(512).decode("utf-8", "replace").strip()
        stream.write(b"QUIT\r\n")
    if line.startswith("220"):
        return ok(f"greets: {line}")
    return failed(f"does not greet: {line or 'it closes the connection'}", "`docker logs mail-server`")


# Certificates


def check_certificate(host: str, port: int, timeout: float) -> Result:
    """Check when the certificate of our own mail server expires, as a client sees it after STARTTLS.

    Raises:
        CertificateUnavailable: the server does not answer, or not with TLS.
    """
    return certificate_result(read_expiry(host, port, timeout), time.time(), _CERTIFICATE_FIX)


def certificate_result(expiry: float, now: float, fix: str, *, name: str = "") -> Result:
    """Return the result for a certificate's end of validity.

    Args:
        expiry: the end of validity, in Unix seconds.
        now: the time, in Unix seconds.
        fix: what to do when it expires soon.
        name: of the finding.
    """
    day = time.strftime("%Y-%m-%d", time.gmtime(expiry))
    if expiry <= now:
        return failed(f"ended on {day}", fix, name=name)
    days = int((expiry - now) // _DAY)
    if days < CERTIFICATE_DAYS:
        return warning(f"ends in {days} days, on {day}", fix, name=name)
    return ok(f"valid until {day}", name=name)
