"""State of a running sandbox, shared by the relay, the OTLP receivers and the control page."""

import hmac
from dataclasses import dataclass

from mail_sandbox.attempts import AttemptLog
from mail_sandbox.fault_board import FaultBoard
from mail_sandbox.faults import SessionStage
from mail_sandbox.inbox import Inbox
from mail_sandbox.notifications import NotificationLog
from mail_sandbox.sending_limit import Clock, LimitRule, SendingLimit
from mail_sandbox.settings import Settings
from mail_sandbox.spans import SpanStore


@dataclass(frozen=True, slots=True)
class Account:
    """The only account of the relay."""

    username: str
    password: str

    def admits(self, username: bytes, password: bytes) -> bool:
        """Return whether name and app password match; spaces do not count, since Google shows it in blocks of four."""
        given = (username.lower(), password.replace(b" ", b""))
        own = (self.username.lower().encode(), self.password.replace(" ", "").encode())
        return all(hmac.compare_digest(a, b) for a, b in zip(given, own, strict=True))


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The state of one running sandbox. It is kept in memory only."""

    account: Account
    inbox: Inbox
    faults: FaultBoard
    limit: SendingLimit
    attempts: AttemptLog
    spans: SpanStore
    notifications: NotificationLog
    clock: Clock


def create_sandbox(settings: Settings, *, clock: Clock) -> Sandbox:
    """Return an empty state: no mail, no fault, nothing used of the limit."""
    rule = LimitRule(settings.daily_limit, settings.limit_window_seconds, SessionStage(settings.limit_at))
    return Sandbox(
        account=Account(settings.username, settings.password),
        inbox=Inbox(keep=settings.keep_messages),
        faults=FaultBoard(),
        limit=SendingLimit(rule, clock=clock),
        attempts=AttemptLog(),
        spans=SpanStore(keep=settings.keep_spans),
        notifications=NotificationLog(),
        clock=clock,
    )


def masked(address: str) -> str:
    """Return the address as it is logged: `a***@example.com`."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}***@{domain}" if at else "***"
