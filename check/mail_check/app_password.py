"""App passwords: removes what pages and editors add when one is copied, as the mail server does (settings.bash).

abcd efgh ijkl mnop  ──▶  abcdefghijklmnop        also with no-break spaces, “typographic quotes”, a byte order mark
"""

import re
from typing import Final

_BLANKS: Final = {
    "\u00a0": "a no-break space (U+00A0)",
    "\u2007": "a figure space (U+2007)",
    "\u2009": "a thin space (U+2009)",
    "\u202f": "a narrow no-break space (U+202F)",
    "\u3000": "an ideographic space (U+3000)",
}
_INVISIBLE: Final = {
    "\ufeff": "a byte order mark (U+FEFF)",
    "\u200b": "a zero-width space (U+200B)",
    "\u200c": "a zero-width non-joiner (U+200C)",
    "\u200d": "a zero-width joiner (U+200D)",
    "\u2060": "a word joiner (U+2060)",
    "\u00ad": "a soft hyphen (U+00AD)",
}
_QUOTES: Final = {
    "\u201c": "a left double quotation mark (U+201C)",
    "\u201d": "a right double quotation mark (U+201D)",
    "\u201e": "a low double quotation mark (U+201E)",
    "\u2018": "a left single quotation mark (U+2018)",
    "\u2019": "a right single quotation mark (U+2019)",
    "\u201a": "a low single quotation mark (U+201A)",
    "\u00ab": "a left angle quotation mark (U+00AB)",
    "\u00bb": "a right angle quotation mark (U+00BB)",
}
COPIED: Final = _BLANKS | _INVISIBLE | _QUOTES
"""Characters that get into a value when it is copied, and their names."""
WHITE_SPACE: Final = " \t\n\v\f\r"
"""What is removed around a value: the white space of ASCII, as in the mail server."""
_CLEAN: Final = str.maketrans(dict.fromkeys(_BLANKS, " ") | dict.fromkeys(_INVISIBLE, ""))
_APP_PASSWORD: Final = re.compile(r"[A-Za-z0-9]{16}|(?:[A-Za-z0-9]{4} +){3}[A-Za-z0-9]{4}")


def join_app_password(password: str) -> str:
    """Return an app password without what was added to its 16 characters; any other password is returned unchanged."""
    cleaned = password.translate(_CLEAN).strip(WHITE_SPACE)
    for quote in _QUOTES:
        cleaned = cleaned.removeprefix(quote).removesuffix(quote)
    cleaned = cleaned.strip(WHITE_SPACE)
    return cleaned.replace(" ", "") if _APP_PASSWORD.fullmatch(cleaned) else password


def copied_characters(value: str) -> list[str]:
    """Return the names of characters in the value that a person can hardly see."""
    return [name for character, name in COPIED.items() if character in value]
