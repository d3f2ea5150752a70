"""Message ids of the API, and the Message-ID header from which the exporter reads them in the mail log."""

import re
import secrets

_API_MESSAGE_ID = re.compile(r"<?(?P<id>msg_[0-9a-z]{26})\.mail-api@[^<>\s]+>?")
_OWN_ID = re.compile(r"msg_[0-9a-z]{26}")
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_BITS = 5
"""Random bits of one character."""


def new_message_id() -> str:
    """Return a new, unguessable id for one mail: `msg_` and 26 characters with 130 random bits."""
    number = secrets.randbits(26 * _BITS)
    return "msg_" + "".join(_ALPHABET[(number >> shift) & 31] for shift in range(0, 26 * _BITS, _BITS))


def is_message_id(text: str) -> bool:
    """Return whether the text has the form of a message id."""
    return _OWN_ID.fullmatch(text) is not None


def message_id_header(message_id: str, domain: str) -> str:
    """Return the Message-ID header (RFC 5322 section 3.6.4) of a mail of the API."""
    return f"<{message_id}.mail-api@{domain}>"


def api_message_id(header: str) -> str | None:
    """Return the message id in a Message-ID header, or None when the API did not send the mail."""
    found = _API_MESSAGE_ID.fullmatch(header)
    return found["id"] if found else None
