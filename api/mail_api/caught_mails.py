"""Caught mails: keeps the text fields of mails that the honeypot caught, and makes requests from them for a release."""

import json
from collections.abc import Mapping
from dataclasses import replace
from html import escape
from typing import Any, Final

from loguru import logger
from pydantic import ValidationError

from mail_api.addresses import Mailbox
from mail_api.errors import HoneypotFilled, InvalidRequest
from mail_api.ledger_client import LedgerClient, LedgerUnreachable
from mail_api.schemas import SendRequest
from mail_api.telemetry import Telemetry
from mail_ledger.caught_mails import CaughtMail, NewCaughtMail

LARGEST: Final = 16_384
"""Bytes of a mail's fields, as JSON in UTF-8; a larger mail is not kept."""
_MAILBOX: Final = frozenset({"address", "name"})


class CaughtMails:
    """Keeps caught mails in the ledger.

    Args:
        ledger: stores them.
        keep_seconds: HONEYPOT_KEEP_DAYS, in seconds; 0: none is kept.
        telemetry: counts them.
    """

    def __init__(self, ledger: LedgerClient, keep_seconds: float, telemetry: Telemetry) -> None:
        self._ledger = ledger
        self._telemetry = telemetry
        self.keep_seconds = keep_seconds

    async def keep(self, caught: HoneypotFilled, mail: SendRequest | None) -> HoneypotFilled:
        """Keep the mail of a request whose honeypot is filled; return the error with a note for the log.

        Args:
            caught: the error that the request ends with.
            mail: the mail that would have been sent; None if it could not be released.
        """
        note = await self._keep(caught, mail)
        self._telemetry.count_caught_mail("dropped" if note else "kept")
        return replace(caught, note=f"not kept: {note}" if note else "kept")

    async def _keep(self, caught: HoneypotFilled, mail: SendRequest | None) -> str:
        """Keep the mail; return an empty text, or the reason why it was not kept."""
        if not self.keep_seconds:
            return "HONEYPOT_KEEP_DAYS is 0"
        if mail is None:
            return "it could not be sent anyway, or has an API key"
        fields = text_fields(mail)
        if len(json.dumps(fields, ensure_ascii=False).encode()) > LARGEST:
            return f"larger than {LARGEST} bytes"
        files = tuple(attachment.name for attachment in mail.attachments)
        new = NewCaughtMail(caught.message_id, caught.field, fields, files)
        try:
            await self._ledger.write("catch", lambda ledger: ledger.caught_mails.keep_write(new))
        except LedgerUnreachable:
            return "the ledger is unavailable"
        return ""

    async def prune(self) -> None:
        """Delete mails that are older than HONEYPOT_KEEP_DAYS."""
        try:
            deleted = await self._ledger.call("prune", lambda ledger: ledger.caught_mails.prune(self.keep_seconds))
        except LedgerUnreachable:
            return
        if deleted:
            logger.bind(mails=deleted).info("deleted old caught mails from the ledger")


def text_fields(mail: SendRequest) -> dict[str, Any]:
    """Return the fields of a request, without its files, as JSON."""
    fields = mail.model_dump(mode="json", by_alias=True, exclude={"attachments"})
    return {name: value for name, value in fields.items() if value not in (None, False, [], {})}


def request_of(caught: CaughtMail) -> SendRequest:
    """Return the request that a caught mail was made of; its text names the files that were not kept.

    Raises:
        InvalidRequest: another version stored it, whose fields this one does not accept.
    """
    try:
        request = SendRequest.model_validate({name: _restored(value) for name, value in caught.mail.items()})
    except ValidationError as error:
        names = {str(found["loc"][0])[:60] for found in error.errors(include_input=False)}
        raise InvalidRequest(tuple((name, "cannot be read any more") for name in sorted(names))) from None
    return _with_note(request, f"Files that were not kept: {', '.join(caught.files)}") if caught.files else request


def _restored(value: object) -> object:
    """Return the value with its mailboxes, whose addresses were checked when the mail was caught."""
    if isinstance(value, list):
        return tuple(_restored(item) for item in value)
    if isinstance(value, Mapping) and value.keys() == _MAILBOX:
        return Mailbox(str(value["address"]), str(value["name"]))
    return value


def _with_note(request: SendRequest, note: str) -> SendRequest:
    text, markup = request.parts
    changed = {
        "body": None,
        "text": None if text is None else f"{text}\n\n{note}",
        "html": False if markup is None else f"{markup}\n<p>{escape(note)}</p>",
    }
    return request.model_copy(update=changed)
