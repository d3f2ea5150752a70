"""Faults of the relay: their names, stages, replies and parameters, and the check of a request for one."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Any

from mail_sandbox.replies import Situation

LONGEST_WAIT_SECONDS = 600.0


class SessionStage(StrEnum):
    """A stage of an SMTP session."""

    CONNECT = auto()
    BANNER = auto()
    EHLO = auto()
    STARTTLS = auto()
    AUTH = auto()
    MAIL = auto()
    RCPT = auto()
    DATA = auto()
    END = auto()
    OTHER = auto()


class BadCertificate(StrEnum):
    """Kinds of bad certificates; each has one defect."""

    SELF_SIGNED = auto()
    EXPIRED = auto()
    WRONG_NAME = auto()


class FaultName(StrEnum):
    """The faults, by priority when several are on at one stage."""

    REFUSE_CONNECTION = auto()
    TRY_AGAIN_LATER = auto()
    NO_STARTTLS = auto()
    BAD_CERTIFICATE = auto()
    TOO_MANY_LOGINS = auto()
    APP_PASSWORD_REQUIRED = auto()
    WRONG_PASSWORD = auto()
    NO_LOGIN = auto()
    LOGIN_ONLY = auto()
    CUSTOM_REPLY = auto()
    NULL_SENDER_REFUSED = auto()
    SENDER_NOT_OWNED = auto()
    UNKNOWN_RECIPIENT = auto()
    GREYLIST = auto()
    DROP_AT_DATA = auto()
    LIMIT_REACHED = auto()
    RATE_LIMITED = auto()
    TEMPORARY_PROBLEM = auto()
    TOO_LARGE = auto()
    CONTENT = auto()
    SLOW = auto()


@dataclass(frozen=True, slots=True)
class FaultKind:
    """Description of a fault: its effect, its stages, the reply, the parameters it takes."""

    summary: str
    stages: tuple[SessionStage, ...]
    """The stages it can be put at; the first is the default."""
    answer: Situation | None = None
    takes: frozenset[str] = frozenset({"count"})


_STAGED = frozenset({"count", "at"})

KINDS: Mapping[FaultName, FaultKind] = {
    FaultName.REFUSE_CONNECTION: FaultKind(
        "the ports are closed (connection refused), for `seconds` if given",
        (SessionStage.CONNECT,),
        takes=frozenset({"seconds"}),
    ),
    FaultName.TRY_AGAIN_LATER: FaultKind(
        "421 4.7.0 instead of the banner", (SessionStage.BANNER,), Situation.TRY_AGAIN_LATER
    ),
    FaultName.NO_STARTTLS: FaultKind("STARTTLS is not offered", (SessionStage.EHLO,)),
    FaultName.BAD_CERTIFICATE: FaultKind(
        "a certificate that is `kind`: self_signed, expired or wrong_name",
        (SessionStage.STARTTLS,),
        takes=frozenset({"count", "kind"}),
    ),
    FaultName.TOO_MANY_LOGINS: FaultKind("454 4.7.0 to AUTH", (SessionStage.AUTH,), Situation.TOO_MANY_LOGINS),
    FaultName.APP_PASSWORD_REQUIRED: FaultKind(
        "534 5.7.9 to AUTH", (SessionStage.AUTH,), Situation.APP_PASSWORD_REQUIRED
    ),
    FaultName.WRONG_PASSWORD: FaultKind("535 5.7.8 to AUTH", (SessionStage.AUTH,), Situation.WRONG_PASSWORD),
    FaultName.NO_LOGIN: FaultKind("AUTH is not offered, and mail is accepted without a login", (SessionStage.EHLO,)),
    FaultName.LOGIN_ONLY: FaultKind("AUTH is offered with the mechanism LOGIN only", (SessionStage.EHLO,)),
    FaultName.CUSTOM_REPLY: FaultKind(
        "the reply `text` to MAIL, or `at` rcpt, data or end",
        (SessionStage.MAIL, SessionStage.RCPT, SessionStage.DATA, SessionStage.END),
        takes=_STAGED | {"text"},
    ),
    FaultName.NULL_SENDER_REFUSED: FaultKind(
        "550 5.7.1 to MAIL FROM:<>", (SessionStage.MAIL,), Situation.NULL_SENDER_REFUSED
    ),
    FaultName.SENDER_NOT_OWNED: FaultKind(
        "553 5.7.1 to MAIL from any address but `sender`",
        (SessionStage.MAIL,),
        Situation.SENDER_NOT_OWNED,
        frozenset({"count", "sender"}),
    ),
    FaultName.UNKNOWN_RECIPIENT: FaultKind(
        "550 5.1.1 to RCPT, for one `recipient` if given",
        (SessionStage.RCPT,),
        Situation.UNKNOWN_RECIPIENT,
        frozenset({"count", "recipient"}),
    ),
    FaultName.GREYLIST: FaultKind(
        "451 4.7.1 to the first RCPT of each sender and recipient", (SessionStage.RCPT,), Situation.GREYLISTED
    ),
    FaultName.DROP_AT_DATA: FaultKind("the connection closes in the middle of the data", (SessionStage.DATA,)),
    FaultName.LIMIT_REACHED: FaultKind(
        "550 5.4.5 after the data, or `at` mail",
        (SessionStage.END, SessionStage.MAIL),
        Situation.LIMIT_REACHED,
        _STAGED,
    ),
    FaultName.RATE_LIMITED: FaultKind("421 4.7.28 after the data", (SessionStage.END,), Situation.RATE_LIMITED),
    FaultName.TEMPORARY_PROBLEM: FaultKind(
        "451 4.3.0 after the data, or `at` mail, rcpt or data",
        (SessionStage.END, SessionStage.MAIL, SessionStage.RCPT, SessionStage.DATA),
        Situation.TEMPORARY_PROBLEM,
        _STAGED,
    ),
    FaultName.TOO_LARGE: FaultKind("552 5.3.4 after the data", (SessionStage.END,), Situation.TOO_LARGE),
    FaultName.CONTENT: FaultKind("552 5.7.0 after the data", (SessionStage.END,), Situation.FORBIDDEN_CONTENT),
    FaultName.SLOW: FaultKind(
        "waits `seconds` before it answers `at` a stage",
        (
            SessionStage.END,
            SessionStage.BANNER,
            SessionStage.EHLO,
            SessionStage.AUTH,
            SessionStage.MAIL,
            SessionStage.RCPT,
            SessionStage.DATA,
        ),
        takes=frozenset({"count", "at", "seconds"}),
    ),
}


class FaultRejectedError(ValueError):
    """A fault cannot be switched on with these values; the message lists the possible ones."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that is switched on. `count` is how often it still occurs; None means until it is switched off."""

    name: FaultName
    at: SessionStage
    count: int | None = None
    seconds: float | None = None
    kind: BadCertificate | None = None
    recipient: str | None = None
    sender: str | None = None
    text: str | None = None


def build(name: str, parameters: Mapping[str, Any]) -> Fault:
    """Return the fault of that name with those parameters; raises FaultRejectedError."""
    known = fault_name(name)
    kind = KINDS[known]
    for parameter in parameters:
        if parameter not in kind.takes:
            raise FaultRejectedError(f"{name} takes {_listed(sorted(kind.takes))}, not {parameter!r}: {kind.summary}")
    _require(known, parameters)
    seconds = parameters.get("seconds")
    if known is FaultName.SLOW and seconds is None:
        raise FaultRejectedError("slow needs seconds, such as 5")
    if seconds is not None and not 0 < seconds <= LONGEST_WAIT_SECONDS:
        raise FaultRejectedError(f"seconds must be above 0 and at most {LONGEST_WAIT_SECONDS:.0f}")
    count = parameters.get("count")
    if count is not None and count < 1:
        raise FaultRejectedError("count must be 1 or more; leave it out for every time")
    bad = parameters.get("kind", BadCertificate.SELF_SIGNED if known is FaultName.BAD_CERTIFICATE else None)
    if bad is not None and bad not in list(BadCertificate):
        raise FaultRejectedError(f"kind must be one of {_listed(BadCertificate)}")
    at = parameters.get("at", kind.stages[0])
    if at not in kind.stages:
        raise FaultRejectedError(f"{name} can happen at {_listed(kind.stages)}, not {at!r}")
    return Fault(
        name=known,
        at=SessionStage(at),
        count=count,
        seconds=seconds,
        kind=BadCertificate(bad) if bad else None,
        recipient=parameters.get("recipient"),
        sender=parameters.get("sender"),
        text=parameters.get("text"),
    )


def _require(name: FaultName, parameters: Mapping[str, Any]) -> None:
    if name is FaultName.SENDER_NOT_OWNED and not parameters.get("sender"):
        raise FaultRejectedError("sender_not_owned needs sender, the only address that is accepted")
    if name is FaultName.CUSTOM_REPLY and not re.fullmatch(r"[45]\d\d [ -~]+", parameters.get("text") or ""):
        raise FaultRejectedError("custom_reply needs text, such as 530 Authentication required")


def fault_name(name: str) -> FaultName:
    """Return the fault's name as an enum member; raises FaultRejectedError with the list of names."""
    try:
        return FaultName(name)
    except ValueError:
        raise FaultRejectedError(f"no fault is called {name!r}; there are {_listed(FaultName)}") from None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
