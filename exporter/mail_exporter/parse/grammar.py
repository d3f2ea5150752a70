"""Grammar shared by all daemons: queue ids and the arrival time in a long one, addresses, trace context.

The parts that every line has are split at separators, which is several times as fast as a regular expression. Regular
expressions parse rare lines, and text that senders can influence.
"""

import re
from functools import lru_cache
from typing import Final

QUEUE_ID: Final = r"(?:[0-9A-F]{6,}|[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,}z[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-y]+)"
"""Short (hexadecimal) and long ids (Postfix: enable_long_queue_ids, src/global/mail_queue.h); `NOQUEUE` is none."""

TRACEPARENT: Final = r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"
"""W3C Trace Context, version 00 (https://www.w3.org/TR/trace-context/#traceparent-header-field-values)."""

ADDRESS: Final = r'[^">]*+(?:"(?:[^"\\]|\\.)*+"[^">]*+)*+'
"""Address between `<` and `>`; a quoted local part may contain both, so that no address can imitate fields."""

_ADDRESS: Final = re.compile(ADDRESS)
_ID: Final = re.compile(QUEUE_ID)
_known_ids: Final[dict[str, str]] = {}
"""Consecutive lines repeat a queue id; the first string is reused, because its hash is cached."""
_MOST_KNOWN: Final = 512

_ALPHABET: Final = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"
_DIGIT: Final = {character: value for value, character in enumerate(_ALPHABET)}
_MICROSECOND_DIGITS: Final = 4
_SECOND_DIGITS: Final = 6
"""At least; the seventh digit is needed from the year 2596 on."""


def split_id(text: str) -> tuple[str, str]:
    """Return the queue id at the beginning of a text, and the rest; two empty strings without a queue id."""
    end = text.find(": ")
    if end < 0:
        return "", ""
    queue_id = text[:end]
    known = _known_ids.get(queue_id)
    if known is None:
        if _ID.fullmatch(queue_id) is None:
            return "", ""
        if len(_known_ids) >= _MOST_KNOWN:
            _known_ids.clear()
        known = _known_ids[queue_id] = queue_id
    return known, text[end + 2 :]


def split_address(text: str) -> tuple[str, str]:
    """Return the address before the first `>, ` outside of it, and the rest; two empty strings without one."""
    end = text.find(">")
    if '"' in text[:end]:  # a quoted local part may contain anything
        found = _ADDRESS.match(text)
        end = found.end() if found is not None else -1
    return (text[:end], text[end + 3 :]) if end >= 0 and text[end : end + 3] == ">, " else ("", "")


def is_loopback(text: str) -> bool:
    """Return whether a line is about a client on this server, such as a health check."""
    return "[127." in text or "[::1]" in text


def arrival_time(queue_id: str) -> float | None:
    """Return the arrival time, in Unix seconds to the microsecond; None for a short id, which does not contain it.

    `4jXSsP52xGzDhqX` is seconds `4jXSsP`, microseconds `52xG`, both in base 52, then `z` and the inode in base 51.
    """
    end = queue_id.rfind("z")
    middle = end - _MICROSECOND_DIGITS
    if middle < _SECOND_DIGITS:
        return None
    try:
        return _seconds(queue_id[:middle]) + _base52(queue_id[middle:end]) / 1e6
    except KeyError:  # a vowel: not a long id
        return None


@lru_cache(maxsize=1 << 8)
def _seconds(digits: str) -> int:
    """Return the seconds, cached: consecutive ids share them."""
    return _base52(digits)


def _base52(digits: str) -> int:
    value = 0
    for digit in digits:
        value = value * len(_ALPHABET) + _DIGIT[digit]
    return value
