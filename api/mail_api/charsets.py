"""Charsets of form data: the codec of each name, and decoding with an error that names the field and the fix."""

from typing import Final

from mail_api.errors import InvalidRequest

UTF_8: Final = "utf-8"
_FIX: Final = 'send the form as UTF-8: <form accept-charset="utf-8">'

# By codec: the names that browsers use for it (Encoding Standard, section 4.2). Browsers read ISO-8859-1 as
# Windows-1252; text in UTF-8 is often declared as ASCII. A closed list, because Python's codecs include some that are
# slow, and its cache of unknown names grows.
_NAMES: Final = {
    UTF_8: "utf-8 utf8 us-ascii ascii",
    "cp1252": "windows-1252 cp1252 iso-8859-1 iso8859-1 iso88591 latin1 latin-1 l1",
    "cp1254": "windows-1254 cp1254 iso-8859-9 latin5",
    "cp874": "windows-874 iso-8859-11 tis-620",
    "cp932": "shift-jis sjis x-sjis windows-31j ms932",
    "euc_jp": "euc-jp",
    "iso2022_jp": "iso-2022-jp",
    "gbk": "gbk gb2312 x-gbk",
    "gb18030": "gb18030",
    "big5hkscs": "big5 big5-hkscs",
    "cp949": "euc-kr ks-c-5601-1987 windows-949",
    "koi8-r": "koi8-r",
    "koi8-u": "koi8-u",
    "cp866": "ibm866 cp866",
    "mac-roman": "macintosh",
    **{f"cp125{number}": f"windows-125{number} cp125{number}" for number in (0, 1, 3, 5, 6, 7, 8)},
    **{
        f"iso8859-{number}": f"iso-8859-{number} iso8859-{number}"
        for number in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)
    },
}
_CODECS: Final = {name: codec for codec, names in _NAMES.items() for name in names.split()}


def codec_of(charset: str) -> str | None:
    """Return Python's codec for a charset's name, or None for a charset that browsers do not send."""
    return _CODECS.get(charset.strip(" \t\"'").lower().replace("_", "-"))


def required_codec(charset: str, field: str = "request") -> str:
    """Return Python's codec for a charset's name.

    Args:
        charset: the name, as in `Content-Type: text/plain; charset=iso-8859-1`.
        field: the field that an error names.

    Raises:
        InvalidRequest: the charset is unknown.
    """
    codec = codec_of(charset)
    if codec is None:
        raise InvalidRequest(((field, f"has an unknown charset; {_FIX}"),))
    return codec


def decode(data: bytes, codec: str, field: str) -> str:
    """Return the text of these bytes.

    Args:
        data: the bytes.
        codec: what `codec_of` returned.
        field: the field that an error names.

    Raises:
        InvalidRequest: the bytes are not text in this codec.
    """
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        wanted = "UTF-8" if codec == UTF_8 else "in the charset that the form declares"
        raise InvalidRequest(((field, f"is not {wanted}; {_FIX}"),)) from None
