"""Mask e-mail addresses for logs, spans and the ledger: `anna@example.com` becomes `a***@example.com`.

The mail server masks its log on standard output by the same rules, with sed: for_standard_output in run.bash
(postfix/rootfs/usr/local/lib/mail-server). tests/golden/masking.tsv has inputs and outputs of both.
"""

import re
from typing import Final

_SEPARATORS: Final = r"""\s<>",;:()\[\]"""
"""Characters that end an address without quotes."""
_ENCODED: Final = r"[A-Za-z0-9._~!*'+%-]"
"""Characters of a URL-encoded address (RFC 3986)."""
_MARK: Final = "\x02"
"""Set at the borders of a value, and removed in the end; Postfix writes no control characters."""

_LOGIN: Final = re.compile(r"\b(sasl_(?:username|sender)=)([^\n]*?)(?=,? [a-z_]+=|$)", re.MULTILINE)
"""A login name, which may have blanks, up to the next field or the end of the line."""
_IN_BRACKETS: Final = re.compile(r"(?<=<)([^<>@])[^<>]*@(?=[^<>@]*>)")
"""An address in angle brackets, whose local part may have any character (RFC 5321 section 4.1.2)."""
_QUOTED: Final = re.compile(r'(?<!\\)"(?:[^"\\]|\\.)*+"@')
_KEY: Final = re.compile(
    r"\b(?:message-id|[a-z_]*(?:id|user|username|sender|recipient|rcpt|from|to|mail|email|address))="
)
"""A name of a field or URL parameter. `anna=x.org@list.example`, in which a list has an address, has none."""
# Each pattern begins at the first character of a word. Without that, each character of a long word would be tried.
_PLAIN: Final = re.compile(
    rf"(?<![^{_SEPARATORS}{_MARK}])(['@*]*)([^{_SEPARATORS}{_MARK}@'*])[^{_SEPARATORS}{_MARK}]*@"
)
"""All addresses of a word at once, as in `a@x.org+b@y.org`."""
_URL_ENCODED: Final = re.compile(rf"(?<!{_ENCODED})({_ENCODED}){_ENCODED}*(%(?:25)*40)")


def mask_address(address: str) -> str:
    """Return the address with its local part reduced to the first character: `anna@x.org` is `a***@x.org`.

    A text without `@` is masked like a local part.
    """
    local, at, domain = address.rpartition("@")
    if not at:
        local, domain = domain, ""
    return f"{local[:1]}***{at}{domain}"


def mask_text(text: str) -> str:
    """Return the text with every address in it masked, as in a relay's reply.

    Addresses in angle brackets, in quotes, URL-encoded (`anna%40example.com`), and login names with blanks
    (`sasl_username=anna lee@example.org`) are found too.
    """
    if "40" in text and "%" in text:
        text = _URL_ENCODED.sub(r"\1***\2", text)
    if "@" not in text:
        return text
    text = _LOGIN.sub(_mask_login, text)
    text = _IN_BRACKETS.sub(r"\1***@", text)
    text = _QUOTED.sub('"***@', text)
    return _PLAIN.sub(r"\1\2***@", _KEY.sub(rf"\g<0>{_MARK}", text)).replace(_MARK, "")


def _mask_login(found: re.Match[str]) -> str:
    name, login = found.groups()
    return name + (mask_address(login) if "@" in login[1:] else login)


def domain_of(address: str) -> str:
    """Return the domain after the last `@`, in lower case, or an empty string."""
    return address.rpartition("@")[2].lower() if "@" in address else ""
