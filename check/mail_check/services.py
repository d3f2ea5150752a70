"""The three containers: whether they run, with the settings of now, and what they say of themselves."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from mail_check.finding import Verdict, failed, ok, unknown, warning
from mail_check.host import Host
from mail_check.web import Answer, get
from mail_exporter.collectors.queue import read_queue
from mail_telemetry import names

SERVICES: Final = ("mail-server", "mail-api", "mail-exporter")
_UP: Final = "`docker compose -f docker-compose.mail.prod.yml --env-file .env.mail.prod up -d --wait`"


def container(service: str, host: Host) -> Verdict:
    """Judge a service's container by what Docker says of it."""
    state = host.containers.get(service)
    if state is None:
        return unknown("not started yet", f"Start it: {_UP}.")
    if state.state != "running":
        why = state.error or f"exit code {state.exit_code}"
        return failed(f"is {state.state} ({why})", f"`docker logs {service}` ends with the reason; then {_UP}.")
    if state.health == "unhealthy":
        return failed("runs, but is unhealthy", f"`docker inspect -f '{{{{json .State.Health}}}}' {service}` says why.")
    if service in host.changed:
        return warning("runs with other settings than it would be started with now", f"Take them up: {_UP}.")
    return ok(f"runs{f', {state.health}' if state.health else ''}")


def readiness(url: str, timeout: float) -> Verdict:
    """Judge whether the API would promise that a mail leaves; its reasons are in its log.

    Raises:
        OSError: it does not answer.
    """
    answer = get(url, timeout)
    if answer.status == HTTPStatus.OK:
        return ok("a mail sent now will leave")
    if answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
        return failed("a mail sent now would not leave", "`docker logs mail-api`: the line `not ready` says why.")
    return failed(f"{url} answers {answer.status}", "`docker logs mail-api`")


def exporter_parts(url: str, timeout: float) -> Iterator[Verdict]:
    """Judge what the exporter could read just now: log, queue, ledger, certificate, volumes.

    Raises:
        OSError: it does not answer.
    """
    parts = read_parts(get(url, timeout))
    blind = sorted(part for part, seen in parts.items() if not seen)
    if blind:
        yield failed(f"it can't read: {', '.join(blind)}", "`docker exec mail-exporter mail-exporter check` says why.")
    elif parts:
        yield ok(f"it reads {', '.join(sorted(parts))}")
    else:
        yield failed(f"{url} does not say what it reads", "`docker logs mail-exporter`")


def queue(host: str, port: int, timeout: float) -> Verdict:
    """Judge what waits in the mail server's queue.

    Raises:
        QueueUnavailable: it can't be read.
    """
    mails = read_queue(host, port, timeout)
    waiting = sum(mail.queue == "deferred" for mail in mails)
    if waiting:
        fix = (
            "`docker exec mail-server mailq` shows why, `docker exec mail-exporter mail-exporter explain ID` the rest."
        )
        return warning(f"{waiting} of {len(mails)} mails were tried in vain and wait", fix)
    return ok(f"{len(mails)} mails, none tried in vain")


def read_parts(answer: Answer) -> dict[str, bool]:
    """Return which parts an exposition says can be read."""
    return {
        sample.labels["part"]: sample.value > 0
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name == names.SCRAPE_SUCCESS.name
    }
