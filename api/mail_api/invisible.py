r"""Invisible and bidirectional control characters: removes them from names and addresses.

Copied text often begins with them, and in a file name they hide its real end: `invoice\u202efdp.exe` is shown as
`invoiceexe.pdf` (Unicode Technical Report 36, section 3.4).
"""

import re
from typing import Final

# Soft hyphen, combining grapheme joiner, Arabic letter mark, Hangul fillers, Khmer inherent vowels, Mongolian
# separators, zero-width space, direction marks, embeddings, isolates, word joiner and invisible operators, Hangul
# filler, byte order mark, halfwidth filler, annotation marks, tags.
_INVISIBLE: Final = re.compile(
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    r"\u3164\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
# Joiners shape Persian and Indic words and compound emoji: they stay between two characters beyond Latin.
_LOOSE_JOINER: Final = re.compile(
    r"(?<![^\0-\u02ff \u200c\u200d])[\u200c\u200d]+|[\u200c\u200d]+(?![^\0-\u02ff \u200c\u200d])"
)


def without_invisible(text: str) -> str:
    """Return the text without invisible characters; joiners within words and emoji stay."""
    return text if text.isascii() else _LOOSE_JOINER.sub("", _INVISIBLE.sub("", text))
