"""What all daemons' lines are made of: queue ids, with the arrival time that a long one holds, and addresses."""

import re
from typing import Final

QUEUE_ID: Final = r"(?:[0-9A-F]{6,}|[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,}z[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-y]+)"
"""Short (hexadecimal) and long ids (Postfix: enable_long_queue_ids, src/global/mail_queue.h); `NOQUEUE` is not one."""

ADDRESS: Final = r'(?:[^">]++|"(?:[^"\\]|\\.)*+")*+'
"""What stands between `<` and `>`; a quoted local part may hold both, so that no address can imitate fields."""

_ALPHABET: Final = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"
_DIGIT: Final = {character: value for value, character in enumerate(_ALPHABET)}
_MICROSECOND_DIGITS: Final = 4
_LONG: Final = re.compile(r"(?P<seconds>[0-9B-Zb-z]{6,})(?P<micros>[0-9B-Zb-z]{4})z[0-9B-Zb-y]+")


def arrival_time(queue_id: str) -> float | None:
    """Return when the mail arrived, in Unix seconds to the microsecond; None for a short id, which does not tell.

    `4jXSsP52xGzDhqX` is seconds `4jXSsP`, microseconds `52xG`, both in base 52, then `z` and the inode in base 51.
    """
    found = _LONG.fullmatch(queue_id)
    if found is None:
        return None
    try:
        return _base52(found["seconds"]) + _base52(found["micros"]) / 1e6
    except KeyError:  # a vowel: looks like a long id and is none
        return None


def _base52(digits: str) -> int:
    value = 0
    for digit in digits:
        value = value * len(_ALPHABET) + _DIGIT[digit]
    return value
