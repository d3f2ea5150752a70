"""Faults of the fire drill, and the alert that each one has to raise."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Final

from mail_telemetry.causes import EXPLANATIONS, Cause
from tests.integration.stack import EXPORTER, RECIPIENT, Stack, until

ROOM: Final = 3
"""The number of recipients that websites may send to in a window of QUOTA_SETTINGS."""
QUOTA_SETTINGS: Final = {"QUOTA_WINDOW_SECONDS": "20", "QUOTA_RESERVE": str(100_000 - ROOM)}
"""Nearly all of the relay's limit (docker-compose.test.yml) is reserved, and the window is 20 seconds."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault: `inject` causes it, and repairs it at the end of the context; `words` are in the notification."""

    name: str
    alert: str
    severity: str
    words: tuple[str, ...]
    inject: Callable[[Stack], AbstractContextManager[None]]
    log_flows: bool = True
    """Whether the mail log gets new lines during the fault, as on a healthy server."""
    ended: Callable[[Stack], bool] | None = None
    """Whether a fault that ends by itself has ended; its alert has to fire until then. None: `inject` ends it."""


def _deferred(cause: Cause) -> tuple[str, ...]:
    """Return the words about one deferred mail, and about its cause."""
    explained = EXPLANATIONS[cause]
    return ("Deferred mails: 1, the oldest for ", explained.meaning, explained.next_step)


def _relay(fault: str, **parameters: str) -> Callable[[Stack], AbstractContextManager[None]]:
    @contextmanager
    def inject(stack: Stack) -> Iterator[None]:
        with stack.fault(fault, **parameters):
            stack.send(f"drill {fault}")
            yield

    return inject


def _container(service: str, *command: str) -> Callable[[Stack], AbstractContextManager[None]]:
    @contextmanager
    def inject(stack: Stack) -> Iterator[None]:
        stack.command(*command, service)
        try:
            yield
        finally:
            stack.command("start", service)

    return inject


@contextmanager
def _stalled_log(stack: Stack) -> Iterator[None]:
    pid = until("a process that writes the log", lambda: _logger(stack))
    stack.execute("mail-server", "bash", "-c", f"kill -STOP {pid}")
    try:
        yield
    finally:
        stack.execute("mail-server", "bash", "-c", f"kill -CONT {pid}")


def _logger(stack: Stack) -> str:
    # Postfix starts postlogd with a log line, and stops it when idle; the exporter ignores this line.
    stack.execute("mail-server", "postlog", "-t", "postfix/scache", "statistics: the drill begins")
    return stack.execute("mail-server", "sh", "-c", "grep -l postlogd /proc/[0-9]*/comm | cut -d/ -f3").strip()


def room(stack: Stack) -> float:
    """Return how many recipients websites may still send to, as the exporter reports it."""
    return stack.value(EXPORTER, "mail_quota_room_recipients")


@contextmanager
def _no_room(stack: Stack) -> Iterator[None]:
    for number in range(ROOM):
        stack.send(f"drill: contact form {number + 1}")
    for _ in range(2):
        _refused(stack, RECIPIENT)
    yield


@contextmanager
def _too_many_recipients(stack: Stack) -> Iterator[None]:
    until("an empty window", lambda: room(stack) == ROOM)
    stack.send("drill: contact form")
    until("room for all but one", lambda: room(stack) == ROOM - 1)
    _refused(stack, *(f"recipient{number}@example.com" for number in range(ROOM)))
    yield


def _refused(stack: Stack, *recipients: str) -> None:
    answer = stack.post({"to": list(recipients), "subject": "drill: refused", "body": "Hello"})
    assert (answer.status_code, answer.json().get("code")) == (429, "quota_exhausted"), answer.text


FAULTS: Final = (
    Fault(
        "the relay refuses the password",
        "MailRelayRefusesCredentials",
        "critical",
        ("No mail is delivered.", *_deferred(Cause.AUTH)),
        _relay("wrong_password"),
    ),
    Fault(
        "the certificate of the relay has expired",
        "MailRelayTlsFailing",
        "critical",
        _deferred(Cause.TLS),
        _relay("bad_certificate", kind="expired"),
    ),
    Fault(
        "the relay refuses the sender",
        "MailRelayRefusesSender",
        "warning",
        (
            "Deferred mails: 1, the oldest for ",
            "or DEFAULT_FROM is changed",
            EXPLANATIONS[Cause.SENDER_POLICY].next_step,
        ),
        _relay("sender_not_owned", sender="someone@else.example"),
    ),
    Fault(
        "the relay is down",
        "MailRelayUnreachable",
        "critical",
        _deferred(Cause.CONNECT),
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
        "the mail log has no new lines",
        "MailLogNotAdvancing",
        "critical",
        ("its log has no new line for", "docker restart mail-server"),
        _stalled_log,
        log_flows=False,
    ),
)
"""Faults of a stack with its usual settings."""

QUOTA_FAULTS: Final = (
    Fault(
        "the limit less reserve is used up",
        "MailQuotaNoRoom",
        "critical",
        (
            " of 100000 recipients in 24 hours are used",
            f"{100_000 - ROOM} of the limit are kept for important API keys",
            "Requests refused in the last hour: 2.",
            "The API accepts mail from them again at 20",
            "find what used it up on the quota dashboard, and stop it",
        ),
        _no_room,
        ended=lambda stack: room(stack) > 0,
    ),
    Fault(
        "one mail exceeds what is left",
        "MailApiRefusesForQuota",
        "warning",
        (
            "Requests refused as quota_exhausted in the last hour: ",
            f"Ordinary callers have room for {ROOM - 1} recipients; each refused request has more.",
            "Each answer has the time from which the request can succeed.",
            "send to fewer at once, mark the API key as important",
        ),
        _too_many_recipients,
    ),
)
"""Faults of a stack with QUOTA_SETTINGS, in order: the second begins when the window is empty again."""
