"""Makes the mail: a request and its stamp in, an `EmailMessage` out, its content 7-bit clean on the wire."""

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage, MIMEPart
from email.utils import format_datetime
from functools import lru_cache
from typing import Final

from mail_api import headers
from mail_api.addresses import Mailbox
from mail_api.attachments import Attachment
from mail_api.html_text import plain_text
from mail_api.schemas import SendRequest

_POLICY: Final = headers.AsGiven(linesep="\r\n", cte_type="7bit", refold_source="none")
_INTERNATIONAL: Final = _POLICY.clone(utf8=True)


@dataclass(frozen=True, slots=True)
class Stamp:
    """What distinguishes one mail from any other with the same content."""

    message_id_header: str
    sent_at: datetime


def compose(request: SendRequest, *, sender: Mailbox, stamp: Stamp) -> EmailMessage:
    """Return the mail from the sender to the request's recipients; whoever wrote it stands in Reply-To, bcc nowhere.

    Headers hold UTF-8 (RFC 6532) only when an address needs it.
    """
    mail = EmailMessage(policy=_INTERNATIONAL if request.international else _POLICY)
    mail["From"] = headers.mailboxes("From", (sender,))
    mail["To"] = headers.mailboxes("To", request.to)
    if request.cc:
        mail["Cc"] = headers.mailboxes("Cc", request.cc)
    if request.answers_to:
        mail["Reply-To"] = headers.mailboxes("Reply-To", (request.answers_to,))
    mail["Subject"] = headers.unstructured("Subject", request.subject)
    mail["Date"] = _date(stamp.sent_at.replace(microsecond=0))
    mail["Message-ID"] = stamp.message_id_header
    for name, value in request.headers.items():
        mail[name] = headers.unstructured(name, value)
    _add_content(mail, request)
    return mail


@lru_cache(maxsize=2)  # the second that it is
def _date(moment: datetime) -> str:
    return format_datetime(moment)


def _add_content(mail: EmailMessage, request: SendRequest) -> None:
    plain, markup = request.parts
    mail.set_content(plain if plain is not None else plain_text(markup or ""))
    if markup is not None:
        mail.add_alternative(markup, subtype="html")
    if request.attachments:
        mail.make_mixed()
        for attachment in request.attachments:
            mail.attach(_part(mail, attachment))  # type: ignore[arg-type] # a part is what it takes


def _part(mail: EmailMessage, attachment: Attachment) -> MIMEPart:
    part = MIMEPart(policy=mail.policy)
    maintype, _, subtype = attachment.media_type.partition("/")
    part.set_content(attachment.content, maintype, subtype, cte="base64")
    part["Content-Disposition"] = "attachment;\n " + headers.parameter("filename", attachment.name)
    return part
