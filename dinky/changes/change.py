"""A change of one of the Dinky Server's files: what it is for, how a person makes it, and the edit itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dinky.yaml_edit import CannotEditError


class NotConfiguredError(CannotEditError):
    """A setting of .env.mail.prod is missing, so that there is nothing to write; the other changes are made."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one file.

    Args:
        path: the file, relative to the server's folder.
        what: what is true once the change is made, in a few words.
        by_hand: how a person makes it.
        edit: returns the file's new text; the same text where the change is made already.
    """

    path: str
    what: str
    by_hand: str
    edit: Callable[[str], str]

    def is_made(self, text: str) -> bool:
        """Return whether a file with this text has the change."""
        try:
            return self.edit(text) == text
        except CannotEditError:
            return False


@dataclass(frozen=True, slots=True)
class Routes:
    """Alertmanager's notification routes for alerts about mail: the parts that `make alert-routes` prints."""

    route: dict[str, Any]
    receivers: list[dict[str, Any]]
    inhibitions: list[dict[str, Any]]
