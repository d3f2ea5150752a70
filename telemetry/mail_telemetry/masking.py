"""Addresses as they may appear in logs and spans: recognisable to their owner, useless to a stranger."""

import re

_LOCAL = r"""[^\s<>@",;:()\[\]]"""
_DOMAIN = r"""@\[?[\w.:-]+\]?"""
# The lookbehind makes it linear: without it, every character of a long word is tried as the first one of an address.
# One match takes all addresses of a word, as in `a@x.org+b@y.org`.
_ADDRESS = re.compile(
    r"""(?<=<)[^<>]*@[^<>@]*(?=>)"""  # in angle brackets, whatever the local part has in it
    rf"""|(?:"[^"]*"|(?<!{_LOCAL}){_LOCAL}+){_DOMAIN}(?:{_LOCAL}*{_DOMAIN})*"""
)


def mask_address(address: str) -> str:
    """Return the address with its local part reduced to the first character: `anna@x.org` is `a***@x.org`.

    What holds no `@` is a bare local part and becomes `***` behind its first character too.
    """
    local, at, domain = address.rpartition("@")
    if not at:
        local, domain = domain, ""
    return f"{local[:1]}***{at}{domain}"


def mask_text(text: str) -> str:
    """Return the text with every address in it masked, as in a relay's reply."""
    return _ADDRESS.sub(lambda found: mask_address(found[0]), text)


def domain_of(address: str) -> str:
    """Return what stands behind the last `@`, in lower case, or an empty string."""
    return address.rpartition("@")[2].lower() if "@" in address else ""
