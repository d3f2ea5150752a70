"""Check results: status, area, message, fix, and the exit status that follows from them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple


class CheckStatus(StrEnum):
    """The outcome of a check."""

    OK = "ok"
    WARNING = "warning"
    """Mail works, but something should be changed or will fail later."""
    FAILED = "failed"
    """Mail does not work, or a failure of mail would not be reported."""
    UNKNOWN = "unknown"
    """The check could not be made."""


class Area(StrEnum):
    """The sections of the report, in its order."""

    CONFIGURATION = "configuration"
    SERVICES = "services"
    NETWORKS = "networks"
    PORTS = "ports"
    DNS = "dns"
    RELAY = "relay"
    CERTIFICATE = "certificate"
    MACHINE = "machine"
    MONITORING = "monitoring"


class Result(NamedTuple):
    """What a check function returns. An empty `name` stands for the name of the check."""

    status: CheckStatus
    message: str
    fix: str = ""
    name: str = ""


class CheckFinding(NamedTuple):
    """One line of the report: a result with its area and name. `fix` is empty where nothing has to be done."""

    area: Area
    name: str
    status: CheckStatus
    message: str
    fix: str


NOTHING_FAILED: Final = 0
SOMETHING_FAILED: Final = 1
NOT_ALL_CHECKED: Final = 2


def ok(message: str, *, name: str = "") -> Result:
    """Return a result without a problem."""
    return Result(CheckStatus.OK, message, "", name)


def warning(message: str, fix: str, *, name: str = "") -> Result:
    """Return a result that does not stop mail, with what should be changed."""
    return Result(CheckStatus.WARNING, message, fix, name)


def failed(message: str, fix: str, *, name: str = "") -> Result:
    """Return a failure, with what to do about it."""
    return Result(CheckStatus.FAILED, message, fix, name)


def unknown(message: str, fix: str = "", *, name: str = "") -> Result:
    """Return the reason why the check could not be made, and how to make it possible."""
    return Result(CheckStatus.UNKNOWN, message, fix, name)


def error_text(error: BaseException) -> str:
    """Return an error's message without Python's `[Errno 111]`; the class name where there is no message."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    strerror = error.strerror if isinstance(error, OSError) else None
    return strerror or str(error) or type(error).__name__


def counts(findings: Iterable[CheckFinding]) -> Mapping[CheckStatus, int]:
    """Return the number of findings of each status."""
    found = Counter(finding.status for finding in findings)
    return {status: found[status] for status in CheckStatus}


def exit_status(findings: Iterable[CheckFinding]) -> int:
    """Return 1 when something failed, else 2 when a check could not be made, else 0."""
    found = counts(findings)
    if found[CheckStatus.FAILED]:
        return SOMETHING_FAILED
    return NOT_ALL_CHECKED if found[CheckStatus.UNKNOWN] else NOTHING_FAILED
