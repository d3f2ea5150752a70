"""Makes the mail: a request and its stamp in, an `EmailMessage` out, 7-bit clean on the wire."""

import re
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from typing import Any, Final

from mail_api.html_text import plain_text
from mail_api.schemas import SendRequest
from mail_telemetry import propagation

_SAFE_VALUE: Final = re.compile(r"[ -~]*(?:\n [ -~]*)*")
_PLAIN_SUBJECT: Final = re.compile(r"(?!.*=\?)[!-~](?:[ -~]{0,68}[!-~])?")


class _AsGiven(EmailPolicy):
    """Keeps header values as they are given, and lets nothing through that could start another header.

    The standard policy parses them first: it decodes what looks like an encoded word in a visitor's subject
    (`=?utf-8?q?=0D=0ABcc:...?=`), and parsing costs more than the rest of the mail.
    """

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:  # noqa: ANN401 - the base class's type
        if not _SAFE_VALUE.fullmatch(str(value)):
            raise ValueError(f"unsafe value for header {name}")
        return name, value

    def header_fetch_parse(self, _name: str, value: Any) -> Any:  # noqa: ANN401 - same
        return value


_POLICY: Final = _AsGiven(linesep="\r\n", cte_type="7bit", refold_source="none")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What distinguishes one mail from any other with the same content."""

    message_id_header: str
    sent_at: datetime
    traceparent: str | None = None


def compose(request: SendRequest, *, sender: str, recipient: str, stamp: Stamp) -> EmailMessage:
    """Return the mail from the sender to the recipient; the request's `from` stands in Reply-To."""
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = sender
    mail["To"] = recipient
    if request.from_:
        mail["Reply-To"] = request.from_
    mail["Subject"] = _subject(request.subject)
    mail["Date"] = format_datetime(stamp.sent_at)
    mail["Message-ID"] = stamp.message_id_header
    if stamp.traceparent:
        mail[propagation.HEADER] = stamp.traceparent
    _add_body(mail, request)
    return mail


def _subject(text: str) -> str:
    """Return the text as it is when it is short, plain ASCII, and as encoded words (RFC 2047) otherwise."""
    if _PLAIN_SUBJECT.fullmatch(text):
        return text
    return Header(text, "utf-8", header_name="Subject").encode(linesep="\n")


def _add_body(mail: EmailMessage, request: SendRequest) -> None:
    if not request.html:
        mail.set_content(request.body)
        return
    mail.set_content(plain_text(request.body))
    mail.add_alternative(request.body, subtype="html")
