"""Builds the mail: a request and its stamp in, an `EmailMessage` out, 7-bit clean unless an address needs UTF-8."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.message import EmailMessage, MIMEPart
from email.policy import EmailPolicy
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import quote, unquote

from mail_api import header_fields
from mail_api.addresses import Mailbox
from mail_api.attachments import Attachment
from mail_api.extra_fields import with_fields
from mail_api.html_text import plain_text
from mail_api.schemas import SendRequest

_SAFE_VALUE: Final = re.compile(r"[ -~]*(?:\n [ -~]*)*")
# With UTF-8 (RFC 6532): all but control characters, lone surrogates and what Python takes for line ends.
_UTF8: Final = r"[^\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]*"
_SAFE_UTF8_VALUE: Final = re.compile(rf"{_UTF8}(?:\n {_UTF8})*")
_PLAIN_LINE: Final = re.compile(r"(?!.*=\?)[!-~](?:[ -~]{0,68}[!-~])?")
_PLAIN_NAME: Final = re.compile(r"(?!.*=\?)[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]{1,60}")
_QUOTED_NAME: Final = re.compile(r"(?!.*=\?)[ -~]{1,60}")
_PLAIN_PARAMETER: Final = re.compile(r"[A-Za-z0-9._ -]{1,60}")
_PIECE: Final = 60
_LONG_TEXT: Final = 50_000
_CONTENT_URL: Final = re.compile(r"cid:([^\s\"'<>()]{1,250})", re.IGNORECASE)  # <img src="cid:logo"> (RFC 2392)
_SHORT_LINE: Final = 60


class _RawHeaderPolicy(EmailPolicy):
    """Keeps header values as given, and refuses any value that could start another header.

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


_POLICY: Final = _RawHeaderPolicy(linesep="\r\n", cte_type="7bit", refold_source="none")
_INTERNATIONAL: Final = _POLICY.clone(utf8=True)


@dataclass(frozen=True, slots=True)
class Stamp:
    """The parts of a mail that differ each time it is sent."""

    message_id_header: str
    sent_at: datetime
    traceparent: str | None = None
    """W3C trace context, which the mail server logs and removes before the mail leaves."""


def compose(request: SendRequest, *, sender: Mailbox, stamp: Stamp) -> EmailMessage:
    """Return the mail from the sender to the request's recipients; the writer is Reply-To, bcc is left out.

    Headers hold UTF-8 (RFC 6532) only when an address needs it.
    """
    mail = EmailMessage(policy=_INTERNATIONAL if needs_utf8(request, sender) else _POLICY)
    mail["From"] = _mailboxes("From", (sender,))
    mail["To"] = _mailboxes("To", request.to)
    if request.cc:
        mail["Cc"] = _mailboxes("Cc", request.cc)
    if request.answers_to:
        mail["Reply-To"] = _mailboxes("Reply-To", (request.answers_to,))
    mail["Subject"] = _unstructured("Subject", request.subject)
    mail["Date"] = format_datetime(stamp.sent_at.replace(microsecond=0))
    mail["Message-ID"] = stamp.message_id_header
    if stamp.traceparent:
        mail["Traceparent"] = stamp.traceparent
    for name, value in request.headers.items():
        is_listed = header_fields.is_listed(name)
        mail[header_fields.canonical(name)] = header_fields.folded(value) if is_listed else _unstructured(name, value)
    _add_content(mail, request)
    return mail


def needs_utf8(request: SendRequest, sender: Mailbox) -> bool:
    """Return whether an address can only be sent with SMTPUTF8 (RFC 6531)."""
    return request.international or not sender.address.isascii()


def _add_content(mail: EmailMessage, request: SendRequest) -> None:
    plain, markup = request.parts
    text, markup = with_fields(plain if plain is not None else plain_text(markup or ""), markup, request.fields)
    mail.set_content(text, cte=_encoding(text))
    if markup is not None:
        mail.add_alternative(markup, subtype="html", cte=_encoding(markup))
    shown = {unquote(name) for name in _CONTENT_URL.findall(markup)} if markup and request.attachments else set()
    files = [file for file in request.attachments if file.content_id not in shown]
    if shown and len(files) < len(request.attachments):
        _add_images(mail, [file for file in request.attachments if file.content_id in shown])
    if files:
        mail.make_mixed()
        for file in files:
            mail.attach(_part(mail, file, "attachment"))  # type: ignore[arg-type] # a part is what it takes


def _add_images(mail: EmailMessage, images: Iterable[Attachment]) -> None:
    """Put images beside the HTML that shows them (multipart/related, RFC 2387)."""
    markup = mail.get_payload()[-1]  # type: ignore[index]
    if not isinstance(markup, MIMEPart):
        raise TypeError("the last part is the HTML")
    markup.make_related()
    markup.set_param("type", "text/html")
    for image in images:
        markup.attach(_part(mail, image, "inline"))


def _encoding(text: str) -> str | None:
    """Return the transfer encoding: base64 for long texts, which aiosmtplib sends fastest; None: the shortest one."""
    return "base64" if len(text) > _LONG_TEXT else None


def _part(mail: EmailMessage, attachment: Attachment, disposition: str) -> MIMEPart:
    part = MIMEPart(policy=mail.policy)
    part.set_content(attachment.content, "application", "octet-stream", cte="base64")
    content_type = attachment.content_type
    is_long = len(content_type) > _SHORT_LINE
    part.replace_header("Content-Type", content_type.replace("; ", ";\n ") if is_long else content_type)
    part["Content-Disposition"] = f"{disposition};\n " + _parameter("filename", attachment.name)
    if attachment.content_id:
        part["Content-ID"] = f"<{attachment.content_id}>"
    return part


def _unstructured(name: str, text: str) -> str:
    """Return the text as it is when it is short, plain ASCII, and as encoded words (RFC 2047) otherwise."""
    if not text or _PLAIN_LINE.fullmatch(text):
        return text
    return _encoded(name, text)


def _mailboxes(name: str, found: Iterable[Mailbox]) -> str:
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


def _parameter(name: str, value: str) -> str:
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
