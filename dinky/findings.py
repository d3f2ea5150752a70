"""One line of the check: what is there, what is missing, and how to change that."""

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """The state of one thing; `missing` and `old` set the exit code, the others do not."""

    OK = "ok"
    MISSING = "missing"
    OLD = "old"
    YOURS = "yours"
    WARNING = "warning"
    NOTE = "note"


class Finding(NamedTuple):
    """One line of the check."""

    state: State
    path: str
    what: str
    fix: str = ""

    def __str__(self) -> str:
        """Return the line as it is printed, the fix below it."""
        line = f"{self.state:8}{self.path}: {self.what}"
        return f"{line}\n{'':8}  fix: {self.fix}" if self.fix else line
