"""How text stands in a header: as it is when it can, encoded by us when it can't, and never as a second header."""

import re
from collections.abc import Iterable
from email.header import Header
from email.policy import EmailPolicy
from typing import Any, Final
from urllib.parse import quote

from mail_api.addresses import Mailbox

_SAFE_VALUE: Final = re.compile(r"[ -~]*(?:\n [ -~]*)*")
# With UTF-8 (RFC 6532): all but control characters, lone surrogates and what Python takes for line ends.
_UTF8: Final = r"[^\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]*"
_SAFE_UTF8_VALUE: Final = re.compile(rf"{_UTF8}(?:\n {_UTF8})*")
_PLAIN_LINE: Final = re.compile(r"(?!.*=\?)[!-~](?:[ -~]{0,68}[!-~])?")
_PLAIN_NAME: Final = re.compile(r"(?!.*=\?)[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]{1,60}")
_QUOTED_NAME: Final = re.compile(r"(?!.*=\?)[ -~]{1,60}")
_PLAIN_PARAMETER: Final = re.compile(r"[A-Za-z0-9._ -]{1,60}")
_PIECE: Final = 60


class AsGiven(EmailPolicy):
    """Keeps header values as they are given, and lets nothing through that could start another header.

    The standard policy parses them first: it decodes what looks like an encoded word in a visitor's subject
    (`=?utf-8?q?=0D=0ABcc:...?=`), and parsing costs more than the rest of the mail.
    """

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:  # noqa: ANN401 - the base class's type
        """Return both as they are, if they are safe."""
        if not (_SAFE_UTF8_VALUE if self.utf8 else _SAFE_VALUE).fullmatch(str(value)):
            raise ValueError(f"unsafe value for header {name}")
        return name, value

    def header_max_count(self, _name: str) -> int | None:
        """Return None: `compose` sets each header once, and the standard policy makes a class to find its answer."""
        return None

    def header_fetch_parse(self, _name: str, value: Any) -> Any:  # noqa: ANN401 - same
        """Return the value as it was stored."""
        return value


def unstructured(name: str, text: str) -> str:
    """Return the text as it is when it is short, plain ASCII, and as encoded words (RFC 2047) otherwise."""
    if not text or _PLAIN_LINE.fullmatch(text):
        return text
    return _encoded(name, text)


def mailboxes(name: str, found: Iterable[Mailbox]) -> str:
    """Return an address list, one mailbox per line of the folded header."""
    return ",\n ".join(_mailbox(name, mailbox) for mailbox in found)


def _mailbox(header: str, mailbox: Mailbox) -> str:
    return f"{_phrase(header, mailbox.name)} <{mailbox.address}>" if mailbox.name else mailbox.address


def _phrase(header: str, name: str) -> str:
    if _PLAIN_NAME.fullmatch(name):
        return name
    if _QUOTED_NAME.fullmatch(name):
        return '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    return _encoded(header, name)


def _encoded(header: str, text: str) -> str:
    return Header(text, "utf-8", header_name=header).encode(linesep="\n")


def parameter(name: str, value: str) -> str:
    """Return a parameter of a header, in pieces of percent-encoded UTF-8 (RFC 2231) when it is not short, plain ASCII.

    filename="photo.jpg"      filename*0*=utf-8''Gr%C3%BC%C3%9Fe%20aus%20;
                              filename*1*=Sri%20Lanka.jpg
    """
    if _PLAIN_PARAMETER.fullmatch(value):
        return f'{name}="{value}"'
    pieces = ["utf-8''"]
    for character in value:  # which must not be cut in two: some programs decode piece by piece
        encoded = quote(character, safe="")
        if len(pieces[-1]) + len(encoded) > _PIECE:
            pieces.append("")
        pieces[-1] += encoded
    if len(pieces) == 1:
        return f"{name}*={pieces[0]}"
    return ";\n ".join(f"{name}*{number}*={piece}" for number, piece in enumerate(pieces))
