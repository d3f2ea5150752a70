"""Header fields that a request may set: `X-...`, and a list of useful ones whose values are checked."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

LONGEST_OWN_VALUE: Final = 500
"""Characters of an `X-...` header."""
LONGEST_VALUE: Final = 2_000
"""Characters of a listed header."""

_URI: Final = r"<(https?://|mailto:)[!-;=?-~]+>"
_MESSAGE_ID: Final = r"<[!-;=?A-~]+@[!-;=?A-~]+>"


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: str
    problem: str


_MESSAGE_IDS: Final = _Rule(rf"^{_MESSAGE_ID}( {_MESSAGE_ID})*$", "must be message ids such as <abc@example.org>")
_RULES: Final = {
    "List-Unsubscribe": _Rule(  # RFC 2369 section 3.2
        rf"^{_URI}(, ?{_URI}){{0,2}}$",
        "must be URLs in angle brackets: <https://example.org/leave?id=1>, <mailto:leave@example.org>",
    ),
    "List-Unsubscribe-Post": _Rule(  # RFC 8058 section 3.1
        "^List-Unsubscribe=One-Click$", "must be List-Unsubscribe=One-Click"
    ),
    "In-Reply-To": _MESSAGE_IDS,  # RFC 5322 section 3.6.4
    "References": _MESSAGE_IDS,
    "Auto-Submitted": _Rule(  # RFC 3834 section 5, RFC 5436 section 2.7.1
        "^(no|auto-generated|auto-replied|auto-notified)$",
        "must be no, auto-generated, auto-replied or auto-notified",
    ),
    "Importance": _Rule("^(low|normal|high)$", "must be low, normal or high"),  # RFC 2156 section 5.3.4
}
LISTED: Final = tuple(_RULES)
"""Names of the listed headers."""
_CANONICAL: Final = {name.lower(): name for name in LISTED}
_OWN: Final = "[Xx]-[A-Za-z0-9][A-Za-z0-9-]{0,59}"
NAME: Final = rf"(?i)^({_OWN}|{'|'.join(LISTED)})$"
"""Names that are accepted, in any case (RFC 5322 section 1.2.2)."""
NAME_PROBLEM: Final = f"must be X- and letters, digits or -, or one of {', '.join(LISTED)}"


def canonical(name: str) -> str:
    """Return the name of a header as its RFC writes it; `X-...` stays as it is."""
    return _CANONICAL.get(name.lower(), name)


def is_listed(name: str) -> bool:
    """Return whether the header is a listed one, whose value must not be encoded (RFC 2047 section 5)."""
    return name.lower() in _CANONICAL


def problems(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the name of each header that cannot be used, and the problem: a wrong value, or a second header."""
    found: list[tuple[str, str]] = []
    seen: set[str] = set()
    for name, value in headers:
        if name.lower() in seen:
            found.append((name, "is there twice, in upper and lower case"))
        seen.add(name.lower())
        rule = _RULES.get(canonical(name))
        if rule and not re.fullmatch(rule.pattern, value.strip(), re.IGNORECASE):
            found.append((name, rule.problem))
        elif not rule and len(value) > LONGEST_OWN_VALUE:
            found.append((name, f"has more than {LONGEST_OWN_VALUE} characters"))
    return found


def folded(value: str) -> str:
    """Return the value of a listed header with a line for each URL or message id (RFC 5322 section 2.2.3)."""
    return re.sub(r">(,?) ?<", r">\1" + "\n <", value.strip())


def schema(value: dict[str, Any], most: int) -> dict[str, Any]:
    """Return the JSON Schema of the object of headers.

    Args:
        value: the schema of a value of `X-...`.
        most: how many headers there can be.
    """
    listed = {
        name: {"anyOf": [{"type": "string", "maxLength": LONGEST_VALUE, "pattern": rule.pattern}, {"type": "null"}]}
        for name, rule in _RULES.items()
    }
    return {
        "type": ["object", "null"],
        "propertyNames": {"pattern": rf"^({_OWN}|{'|'.join(LISTED)})$"},
        "properties": listed,
        "additionalProperties": value,
        "maxProperties": most,
    }
