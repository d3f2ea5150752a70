"""What came of one look: well, nearly well, not well, or nobody knows."""

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple


class Status(StrEnum):
    """How it stands with what was looked at."""

    OK = "ok"
    WARNING = "warning"
    """Mail works, and something about it is worth a change, or will not stay well."""
    FAILED = "failed"
    """Mail does not work, or nobody will notice when it stops."""
    UNKNOWN = "unknown"
    """It could not be looked at."""


class Area(StrEnum):
    """Where a look goes; the order is that of the report."""

    CONFIGURATION = "configuration"
    SERVICES = "services"
    PORTS = "ports"
    DNS = "dns"
    RELAY = "relay"
    CERTIFICATE = "certificate"
    MACHINE = "machine"
    MONITORING = "monitoring"


class Verdict(NamedTuple):
    """What a look says; without a name of its own it has the look's."""

    status: Status
    message: str
    fix: str = ""
    name: str = ""


class Finding(NamedTuple):
    """A verdict with its place in the report. `fix` is empty where there is nothing to do."""

    area: Area
    name: str
    status: Status
    message: str
    fix: str


NOTHING_FAILED: Final = 0
SOMETHING_FAILED: Final = 1
NOT_ALL_SEEN: Final = 2


def ok(message: str, *, name: str = "") -> Verdict:
    """Return that it is well."""
    return Verdict(Status.OK, message, "", name)


def warning(message: str, fix: str, *, name: str = "") -> Verdict:
    """Return that it works, and what had better be changed."""
    return Verdict(Status.WARNING, message, fix, name)


def failed(message: str, fix: str, *, name: str = "") -> Verdict:
    """Return that it is not well, and what to do."""
    return Verdict(Status.FAILED, message, fix, name)


def unknown(message: str, fix: str = "", *, name: str = "") -> Verdict:
    """Return why it could not be looked at, and how it can be."""
    return Verdict(Status.UNKNOWN, message, fix, name)


def counts(findings: Iterable[Finding]) -> Mapping[Status, int]:
    """Return how many findings there are of each status."""
    found = Counter(finding.status for finding in findings)
    return {status: found[status] for status in Status}


def exit_status(findings: Iterable[Finding]) -> int:
    """Return 1 when something failed, 2 when nothing did as far as could be seen, 0 when all was seen; see docs."""
    found = counts(findings)
    if found[Status.FAILED]:
        return SOMETHING_FAILED
    return NOT_ALL_SEEN if found[Status.UNKNOWN] else NOTHING_FAILED
