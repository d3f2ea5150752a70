"""Gmail's changes to the headers of an outgoing mail: From, Message-ID, Return-Path and Received.

Works on bytes, so that all other headers stay as they were sent.
"""

import email.utils
import re
from collections.abc import Iterator
from dataclasses import dataclass

WELL_FORMED_MESSAGE_ID = re.compile(r"<[^<>@\s]+@[^<>@\s]+>")
_FIELD_START = re.compile(rb"([!-9;-~]+)[ \t]*:")
_EMPTY_LINE = re.compile(rb"\r?\n(\r?\n)")
_NAMED_ADDRESS = re.compile(r"(?P<name>[^<]*)<(?P<address>[^<>]*)>\s*\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class HeaderField:
    """One header field as sent: the name, and all its lines with their line ends."""

    name: str
    lines: bytes

    @property
    def value(self) -> str:
        """Return the value on one line, without decoding encoded words."""
        _, _, raw = self.lines.partition(b":")
        return re.sub(r"\r?\n(?=[ \t])", "", raw.decode("utf-8", "replace")).strip()


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a mail was received, for the headers Return-Path and Received."""

    account: str
    session: str
    client_name: str
    client_address: str
    tls: str
    recipients: tuple[str, ...]
    at: float


def split(message: bytes) -> tuple[list[HeaderField], bytes]:
    """Return the header fields, and the rest from the empty line on; a line that is no header field ends the header."""
    fields: list[HeaderField] = []
    position = 0
    empty_line = _EMPTY_LINE.search(message)
    header = message[: empty_line.start(1)] if empty_line else message
    for line in header.splitlines(keepends=True):
        start = _FIELD_START.match(line)
        if line[:1] in b" \t" and line.strip() and fields:
            fields[-1] = HeaderField(fields[-1].name, fields[-1].lines + line)
        elif start:
            fields.append(HeaderField(start[1].decode("ascii"), line))
        else:
            break
        position += len(line)
    return fields, message[position:]


def as_delivered(message: bytes, arrival: Arrival) -> bytes:
    """Return the mail as it is in the recipients' mailboxes."""
    fields, rest = split(message)
    head = b"".join([*_trace(arrival), *_rewritten(fields, arrival)])
    return head + (rest if rest.startswith((b"\r\n", b"\n")) else b"\r\n" + rest)


def _trace(arrival: Arrival) -> Iterator[bytes]:
    yield _field("Return-Path", f"<{arrival.account}>")
    # Gmail names a single recipient only; several would see each other.
    for_whom = f"\r\n        for <{arrival.recipients[0]}>" if len(arrival.recipients) == 1 else ""
    yield _field(
        "Received",
        f"from {arrival.client_name} ([{arrival.client_address}])\r\n"
        f"        by smtp.gmail.com with ESMTPSA id {arrival.session}{for_whom}\r\n"
        f"        ({arrival.tls});\r\n"
        f"        {email.utils.formatdate(arrival.at)}",
    )


def _rewritten(fields: list[HeaderField], arrival: Arrival) -> Iterator[bytes]:
    names = {field.name.lower() for field in fields}
    if "message-id" not in names:
        yield _field("Message-ID", _substitute(arrival))
    if "from" not in names:
        yield _field("From", arrival.account)
    for field in fields:
        if field.name.lower() == "from":
            yield from _own_sender(field, arrival.account)
        elif field.name.lower() == "message-id" and not WELL_FORMED_MESSAGE_ID.fullmatch(field.value):
            yield _field("X-Google-Original-Message-ID", field.value)
            yield _field("Message-ID", _substitute(arrival))
        else:
            yield field.lines


def _own_sender(field: HeaderField, account: str) -> Iterator[bytes]:
    named = _NAMED_ADDRESS.fullmatch(field.value)
    address = named["address"] if named else field.value
    if address.strip().lower() == account.lower():
        yield field.lines
        return
    yield _field("X-Google-Original-From", field.value)
    name = named["name"].strip() if named else ""
    yield _field("From", f"{name} <{account}>" if name else account)


def _substitute(arrival: Arrival) -> str:
    return f"<{arrival.session}.SMTPIN_ADDED_BROKEN@mx.google.com>"


def _field(name: str, value: str) -> bytes:
    return f"{name}: {value}\r\n".encode("utf-8", "replace")
