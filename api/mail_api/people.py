"""Tells people from programs that fill forms: a field that nobody sees, and the time that typing takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

from mail_api.errors import FilledTooFast, HoneypotFilled, InvalidRequest

OPENED_AT: Final = "form_opened_at"
"""The field that says when the form was opened: Unix time, in seconds or, as JavaScript counts, milliseconds."""
_MILLISECONDS: Final = 1e11


@dataclass(frozen=True, slots=True)
class People:
    """What a form that a person filled looks like."""

    honeypot_field: str
    min_fill_seconds: float

    def check(self, payload: Mapping[str, Any], now: float) -> None:
        """Accept what a person may have sent; who leaves both fields out, as a program of the owner does, passes.

        Raises:
            HoneypotFilled: the field that nobody sees holds something.
            InvalidRequest: the time can't be read.
            FilledTooFast: the form was opened a moment ago. A time in the future is a clock that goes wrong.
        """
        if payload.get(self.honeypot_field) not in (None, "", [], False):
            raise HoneypotFilled
        opened_at = payload.get(OPENED_AT)
        if opened_at in (None, ""):
            return
        left = self.min_fill_seconds - (now - _seconds(opened_at))
        if 0 < left <= self.min_fill_seconds:
            raise FilledTooFast(ceil(left))


def _seconds(value: object) -> float:
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise InvalidRequest(((OPENED_AT, "is not a Unix time"),)) from None
    return found / 1000 if found > _MILLISECONDS else found
