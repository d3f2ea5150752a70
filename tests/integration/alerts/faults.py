"""Faults of the drill, and the alert that each one must raise."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Final

from mail_telemetry.causes import EXPLANATIONS, Cause
from tests.integration.stack import Stack, until


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong: `strike` breaks it and mends it at its end; `words` stand in the notification."""

    name: str
    alert: str
    severity: str
    words: tuple[str, ...]
    strike: Callable[[Stack], AbstractContextManager[None]]
    log_flows: bool = True
    """Whether the mail log has new lines meanwhile, as that of a healthy server has."""


def _relay(fault: str) -> Callable[[Stack], AbstractContextManager[None]]:
    @contextmanager
    def strike(stack: Stack) -> Iterator[None]:
        with stack.fault(fault):
            stack.send(f"drill {fault}")
            yield

    return strike


def _container(service: str, *how: str) -> Callable[[Stack], AbstractContextManager[None]]:
    @contextmanager
    def strike(stack: Stack) -> Iterator[None]:
        stack.command(*how, service)
        try:
            yield
        finally:
            stack.command("start", service)

    return strike


@contextmanager
def _stalled_log(stack: Stack) -> Iterator[None]:
    pid = until("a process that writes the log", lambda: _logger(stack))
    stack.execute("mail-server", "bash", "-c", f"kill -STOP {pid}")
    try:
        yield
    finally:
        stack.execute("mail-server", "bash", "-c", f"kill -CONT {pid}")


def _logger(stack: Stack) -> str:
    # Postfix starts it with the first line and ends it after a while without any; this one is known noise.
    stack.execute("mail-server", "postlog", "-t", "postfix/scache", "statistics: the drill begins")
    return stack.execute("mail-server", "sh", "-c", "grep -l postlogd /proc/[0-9]*/comm | cut -d/ -f3").strip()


FAULTS: Final = (
    Fault(
        "the relay refuses the password",
        "MailRelayRefusesCredentials",
        "critical",
        (
            "No mail is delivered. Deferred mails: 1, the oldest for ",
            EXPLANATIONS[Cause.AUTH].meaning,
            EXPLANATIONS[Cause.AUTH].next_step,
        ),
        _relay("wrong_password"),
    ),
    Fault(
        "the relay is down",
        "MailRelayUnreachable",
        "critical",
        (
            "Deferred mails: 1, the oldest for ",
            EXPLANATIONS[Cause.CONNECT].meaning,
            EXPLANATIONS[Cause.CONNECT].next_step,
        ),
        _relay("refuse_connection"),
    ),
    Fault(
        "the daily limit is reached",
        "MailQuotaExhausted",
        "critical",
        (" recipients in 24 hours are used. Mails deferred by the limit: ", EXPLANATIONS[Cause.QUOTA].next_step),
        _relay("limit_reached"),
    ),
    Fault(
        "the exporter is killed",
        "MailExporterDown",
        "critical",
        ("the state of mail delivery is unknown", "docker logs --tail 20 mail-exporter"),
        _container("mail-exporter", "kill"),
    ),
    Fault(
        "the mail server is stopped",
        "MailServerDown",
        "critical",
        ("No mail is received or delivered", "docker logs --tail 20 mail-server"),
        _container("mail-server", "stop"),
        log_flows=False,
    ),
    Fault(
        "the mail log stands still",
        "MailLogNotAdvancing",
        "critical",
        ("its log has no new line for", "docker restart mail-server"),
        _stalled_log,
        log_flows=False,
    ),
)
