"""The lines that `make dinky-check` prints: the state of one thing, and how to change it."""

from enum import StrEnum
from typing import NamedTuple


class InstallState(StrEnum):
    """The state of one thing; only `missing` and `old` change the exit code."""

    OK = "ok"
    MISSING = "missing"
    OLD = "old"
    YOURS = "yours"
    WARNING = "warning"
    NOTE = "note"


class StatusLine(NamedTuple):
    """One line of the check."""

    state: InstallState
    path: str
    what: str
    fix: str = ""

    def __str__(self) -> str:
        """Return the printed line, with the fix below it."""
        line = f"{self.state:8}{self.path}: {self.what}"
        return f"{line}\n{'':8}  fix: {self.fix}" if self.fix else line
