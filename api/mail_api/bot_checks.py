"""Checks against spam in the fields of a request: honeypot, fill time, number of links."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

from mail_api.captcha import TOKEN_FIELDS
from mail_api.errors import FilledTooFast, InvalidRequest, TooManyLinks

OPENED_AT: Final = "form_opened_at"
"""The field with the time when the form was opened: Unix time in seconds, or in milliseconds as of JavaScript."""

_MILLISECONDS: Final = 1e11
_LINK: Final = re.compile(r"(?:https?://|www\.)[^\s\"'<>()\[\]]+", re.IGNORECASE)
_END_OF_SENTENCE: Final = ".,;:!?"
# Fields without text for the recipient: a page's own address in one of them is no spam.
_NOT_TEXT: Final = frozenset({"redirect", "headers", "metadata", "attachments", OPENED_AT, *TOKEN_FIELDS})


@dataclass(frozen=True, slots=True)
class BotChecks:
    """Checks of a request's fields; a caller that does not send the fields of a check passes it."""

    honeypot_fields: tuple[str, ...]
    """HONEYPOT_FIELD."""
    min_fill_seconds: float
    """MIN_FILL_SECONDS."""
    max_links: int | None = None
    """MAX_LINKS; None: any number."""

    def filled_honeypot(self, payload: Mapping[str, Any]) -> str | None:
        """Return the hidden field that has a value, which people do not enter; None if all are empty."""
        return next((name for name in self.honeypot_fields if payload.get(name) not in (None, "", [], False)), None)

    def check_fill_time(self, payload: Mapping[str, Any], now: float) -> None:
        """Refuse a form that was filled faster than a person can.

        A time in the future is accepted, since the visitor's clock can be wrong.

        Args:
            payload: the decoded body.
            now: the Unix time.

        Raises:
            InvalidRequest: the time is not a number.
            FilledTooFast: the form was opened less than MIN_FILL_SECONDS ago.
        """
        opened_at = payload.get(OPENED_AT)
        if opened_at in (None, ""):
            return
        left = self.min_fill_seconds - (now - _seconds(opened_at))
        if 0 < left <= self.min_fill_seconds:
            raise FilledTooFast(ceil(left))

    def check_links(self, payload: Mapping[str, Any]) -> None:
        """Refuse a request whose text has many different links.

        Raises:
            TooManyLinks: there are more than MAX_LINKS.
        """
        if self.max_links is None:
            return
        found = {link for text in _texts(payload, self.honeypot_fields) for link in _links(text)}
        if len(found) > self.max_links:
            raise TooManyLinks(len(found), self.max_links)


def _texts(payload: Mapping[str, Any], left_out: tuple[str, ...]) -> Iterator[str]:
    """Yield the texts of all fields that can become a part of the mail."""
    for name, value in payload.items():
        if name not in _NOT_TEXT and name not in left_out and not name.startswith("_"):
            yield from _strings(value)


def _strings(value: object) -> Iterator[str]:
    # No recursion: JSON can be nested as deeply as the body is long.
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str(text):
                yield text
            case list(items):
                waiting += items
            case dict(entries):
                waiting += entries.values()


def _links(text: str) -> Iterator[str]:
    """Yield the links in a text or in HTML; a text and its HTML have the same ones."""
    for found in _LINK.finditer(text):
        yield found[0].rstrip(_END_OF_SENTENCE).rstrip("/").casefold()


def _seconds(value: object) -> float:
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise InvalidRequest(((OPENED_AT, "is not a Unix time"),)) from None
    return found / 1000 if found > _MILLISECONDS else found
