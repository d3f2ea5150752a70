"""What all daemons' lines are made of: queue ids, with the arrival time that a long one holds, and addresses."""

from functools import lru_cache
from typing import Final

QUEUE_ID: Final = r"(?:[0-9A-F]{6,}|[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,}z[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-y]+)"
"""Short (hexadecimal) and long ids (Postfix: enable_long_queue_ids, src/global/mail_queue.h); `NOQUEUE` is not one."""

ADDRESS: Final = r'[^">]*+(?:"(?:[^"\\]|\\.)*+"[^">]*+)*+'
"""What stands between `<` and `>`; a quoted local part may hold both, so that no address can imitate fields."""

_ALPHABET: Final = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"
_DIGIT: Final = {character: value for value, character in enumerate(_ALPHABET)}
_MICROSECOND_DIGITS: Final = 4
_SECOND_DIGITS: Final = 6
"""At least; the seventh comes in the year 2596."""


def arrival_time(queue_id: str) -> float | None:
    """Return when the mail arrived, in Unix seconds to the microsecond; None for a short id, which does not tell.

    `4jXSsP52xGzDhqX` is seconds `4jXSsP`, microseconds `52xG`, both in base 52, then `z` and the inode in base 51.
    """
    end = queue_id.rfind("z")
    middle = end - _MICROSECOND_DIGITS
    if middle < _SECOND_DIGITS:
        return None
    try:
        return _seconds(queue_id[:middle]) + _base52(queue_id[middle:end]) / 1e6
    except KeyError:  # a vowel: looks like a long id and is none
        return None


@lru_cache(maxsize=1 << 8)
def _seconds(digits: str) -> int:
    """Return a number that the ids of a second share."""
    return _base52(digits)


def _base52(digits: str) -> int:
    value = 0
    for digit in digits:
        value = value * len(_ALPHABET) + _DIGIT[digit]
    return value
