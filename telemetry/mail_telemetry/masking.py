"""Mask e-mail addresses for logs, spans and the ledger: `anna@example.com` becomes `a***@example.com`."""

import re

_LOCAL = r"""[^\s<>@",;:()\[\]]"""
_DOMAIN = r"""@\[?[\w.:-]+\]?"""
# The lookbehind keeps it linear: without it, every character of a long word is tried as the start of an address.
# One match covers all addresses of a word, as in `a@x.org+b@y.org`.
_ADDRESS = re.compile(
    r"""(?<=<)[^<>]*@[^<>@]*(?=>)"""  # in angle brackets, with any local part
    rf"""|(?:"[^"]*"|(?<!{_LOCAL}){_LOCAL}+){_DOMAIN}(?:{_LOCAL}*{_DOMAIN})*"""
)


def mask_address(address: str) -> str:
    """Return the address with its local part reduced to the first character: `anna@x.org` is `a***@x.org`.

    A text without `@` is masked like a local part.
    """
    local, at, domain = address.rpartition("@")
    if not at:
        local, domain = domain, ""
    return f"{local[:1]}***{at}{domain}"


def mask_text(text: str) -> str:
    """Return the text with every address in it masked, as in a relay's reply."""
    return _ADDRESS.sub(lambda found: mask_address(found[0]), text)


def domain_of(address: str) -> str:
    """Return the domain after the last `@`, in lower case, or an empty string."""
    return address.rpartition("@")[2].lower() if "@" in address else ""
