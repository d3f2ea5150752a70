"""Decodes encoded words (RFC 2047), which some programs write into file names."""

import re
from email.errors import HeaderParseError
from email.header import decode_header
from typing import Final

from mail_api.charsets import codec_of

_ENCODED_WORD: Final = re.compile(r"=\?[^?\s]+\?[BbQq]\?[^?\s]*\?=")


def decode_words(text: str) -> str:
    """Return the text with its encoded words decoded: `=?utf-8?B?R3LDvMOfZQ==?=` is `Grüße`.

    The text stays as it is when a charset is unknown, or when control characters come out.
    """
    if not _ENCODED_WORD.search(text):
        return text
    try:
        pieces = [_text(piece, charset) for piece, charset in decode_header(text)]
    except (ValueError, LookupError, HeaderParseError):
        return text
    decoded = "".join(pieces)
    return decoded if decoded.isprintable() else text


def _text(piece: bytes | str, charset: str | None) -> str:
    if isinstance(piece, str):
        return piece
    if charset is None:
        return piece.decode("raw-unicode-escape")  # as decode_header() encodes what is between encoded words
    codec = codec_of(charset)
    if codec is None:
        raise LookupError(charset)
    return piece.decode(codec)
