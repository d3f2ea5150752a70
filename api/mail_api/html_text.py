"""The plain text of an HTML body, for readers and filters that want one.

Not `html.parser`: on hostile input its time grew with the square of the length (CVE-2025-6069), and Python
versions in use still have that. This one looks at every character once.
"""

import html
import re
from typing import Final

_TAG: Final = re.compile(r"(<[^<>]*>)")
_NAME: Final = re.compile(r"</?\s*([a-zA-Z][a-zA-Z0-9]*)")
_HIDDEN: Final = frozenset({"head", "script", "style", "title"})
_BREAKS: Final = frozenset(
    {"br", "div", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "p", "table", "tr", "ul", "ol"}
)


def plain_text(markup: str) -> str:
    """Return the text that the markup shows, a line per block, without the content of scripts, styles and head."""
    pieces: list[str] = []
    hidden: str | None = None
    for token in _TAG.split(markup):
        name = _tag_name(token)
        if hidden is not None:
            hidden = None if name == hidden and token.startswith("</") else hidden
        elif name in _HIDDEN and not token.startswith("</"):
            hidden = name
        elif name in _BREAKS:
            pieces.append("\n")
        elif not (token.startswith("<") and token.endswith(">")):
            pieces.append(re.sub(r"\s+", " ", _unescape(token)))
    lines = (line.strip() for line in "".join(pieces).split("\n"))
    return "\n".join(filter(None, lines))


def _tag_name(token: str) -> str | None:
    found = _NAME.match(token) if token.startswith("<") else None
    return found[1].lower() if found else None


def _unescape(text: str) -> str:
    try:
        return html.unescape(text).replace("\0", "")
    except ValueError:  # a numeric reference with more digits than Python converts
        return text
