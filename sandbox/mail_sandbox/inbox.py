"""Inbox of the relay: accepted mails as received, and as their recipients see them."""

import email
import email.policy
import secrets
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import EmailMessage

from mail_sandbox.gmail_headers import Arrival, HeaderField, as_delivered, split


@dataclass(frozen=True, slots=True)
class Attachment:
    """An attachment of a mail; `size` is in bytes."""

    filename: str
    content_type: str
    size: int


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """A mail that was answered with 250. `received_at` is Unix time in seconds."""

    id: str
    received_at: float
    session: str
    account: str
    tls_version: str
    sender: str
    recipients: tuple[str, ...]
    received: bytes
    """The bytes as received by SMTP."""
    delivered: bytes
    """The bytes in a recipient's mailbox, after Gmail's rewriting."""
    headers: tuple[tuple[str, str], ...]
    delivered_headers: tuple[tuple[str, str], ...]
    subject: str
    message_id: str
    text: str
    html: str
    attachments: tuple[Attachment, ...]

    def header(self, name: str) -> str:
        """Return the first delivered header of that name, decoded; empty when there is none."""
        return decoded(next((v for n, v in self.delivered_headers if n.lower() == name.lower()), ""))


def receive(content: bytes, *, sender: str, arrival: Arrival, tls_version: str) -> ReceivedMail:
    """Return the mail with that content; malformed content leads to empty fields, never to an error."""
    fields, _ = split(content)
    delivered = as_delivered(content, arrival)
    parsed = email.message_from_bytes(content, EmailMessage, policy=email.policy.default)
    return ReceivedMail(
        id=secrets.token_hex(8),
        received_at=arrival.at,
        session=arrival.session,
        account=arrival.account,
        tls_version=tls_version,
        sender=sender,
        recipients=arrival.recipients,
        received=content,
        delivered=delivered,
        headers=_pairs(fields),
        delivered_headers=_pairs(split(delivered)[0]),
        subject=decoded(_first(fields, "subject")),
        message_id=_first(fields, "message-id"),
        text=_body(parsed, "plain"),
        html=_body(parsed, "html"),
        attachments=tuple(_attachments(parsed)),
    )


def decoded(value: str) -> str:
    """Return the value with its encoded words (RFC 2047) decoded; unchanged where they are malformed."""
    try:
        return str(make_header(decode_header(value)))
    except (MessageError, LookupError, ValueError):
        return value


def _pairs(fields: list[HeaderField]) -> tuple[tuple[str, str], ...]:
    return tuple((field.name, field.value) for field in fields)


def _first(fields: list[HeaderField], name: str) -> str:
    return next((field.value for field in fields if field.name.lower() == name), "")


def _body(parsed: EmailMessage, subtype: str) -> str:
    # The standard library's parser of structured headers can raise any exception on a malformed Content-Type.
    try:
        part = parsed.get_body((subtype,))
        return str(part.get_content()) if part else ""
    except Exception:  # noqa: BLE001
        return ""


def _attachments(parsed: EmailMessage) -> Iterator[Attachment]:
    try:
        for part in parsed.iter_attachments():
            payload = part.get_payload(decode=True)
            size = len(payload) if isinstance(payload, bytes) else 0
            yield Attachment(part.get_filename() or "", part.get_content_type(), size)
    except Exception:  # noqa: BLE001 - as above
        return


class Inbox:
    """The last accepted mails; above `keep`, the oldest are removed."""

    def __init__(self, *, keep: int) -> None:
        self._mails: deque[ReceivedMail] = deque(maxlen=keep)
        self.total = 0
        """Mails accepted since the start, with those that were removed."""

    def add(self, mail: ReceivedMail) -> None:
        """Add the newest mail."""
        self._mails.append(mail)
        self.total += 1

    def clear(self) -> None:
        """Remove all mails."""
        self._mails.clear()

    def get(self, mail_id: str) -> ReceivedMail | None:
        """Return the mail of that id, or None."""
        return next((mail for mail in self._mails if mail.id == mail_id), None)

    def find(self, *, to: str = "", subject: str = "", message_id: str = "") -> list[ReceivedMail]:
        """Return the mails that match, newest first.

        `to` is an envelope recipient, `subject` a part of the subject (both in any case),
        `message_id` the Message-ID with or without its angle brackets.
        """
        return [
            mail
            for mail in reversed(self._mails)
            if (not to or to.lower() in {recipient.lower() for recipient in mail.recipients})
            and subject.lower() in mail.subject.lower()
            and (not message_id or message_id.strip("<>") == mail.message_id.strip("<>"))
        ]
