"""Pydantic models of /send: the request and its answers."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.config import JsonDict
from pydantic_core import ErrorDetails

from mail_api import header_fields
from mail_api.addresses import Mailbox
from mail_api.attachments import Attachment
from mail_api.error_codes import Code
from mail_api.errors import InvalidRequest, Problem, RequestTooLarge
from mail_api.extra_fields import ExtraFields
from mail_api.fields import (
    MOST_RECIPIENTS,
    PATTERNS,
    FlagOrMarkup,
    Headers,
    Line,
    Mailboxes,
    OptionalMailbox,
    OptionalName,
    OptionalText,
    Tags,
)

_MOST_PROBLEMS: Final = 20

_WORDS: Final = {
    "missing": "is required",
    "string_type": "must be a string",
    "string_unicode": "holds text that is not valid Unicode",
    "string_too_short": "must not be empty",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "tuple_type": "must be a list",
}
EXAMPLE: Final[JsonDict] = {
    "to": "hello@example.org",
    "subject": "Contact Form Submission",
    "body": "Message body from the contact form",
    "from": "visitor@example.com",
}


def _without_nulls(value: object) -> object:
    return tuple(one for one in value if one is not None) if isinstance(value, list) else value


class SendRequest(BaseModel):
    """One mail. `form_fields.sort_fields` decides about unknown fields."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    to: Mailboxes = Field(default=(), description="Recipients; DEFAULT_TO when absent.")
    cc: Mailboxes = Field(default=(), description="Recipients of a copy, visible to all.")
    bcc: Mailboxes = Field(default=(), description="Recipients of a hidden copy.")
    subject: Line = Field(description="One line, up to 500 characters.")
    body: OptionalText = Field(default=None, description="Plain text, or HTML when `html` is true.")
    text: OptionalText = Field(default=None, description="The plain text, where `body` or `html` holds HTML.")
    html: FlagOrMarkup = Field(
        default=False, description="`true`: the body is HTML. Or the HTML itself, beside `text` or `body`."
    )
    from_: OptionalMailbox = Field(default=None, alias="from", description="The writer: becomes Reply-To.")
    from_name: OptionalName = Field(
        default=None, description="The writer's name, where `from` holds the address alone."
    )
    reply_to: OptionalMailbox = Field(default=None, description="Where answers go, when that is not `from`.")
    headers: Headers = Field(
        default={},
        description=f"Further headers: X-…, {', '.join(header_fields.LISTED)}.",
        examples=[{"X-Form": "contact"}],
    )
    fields: ExtraFields = Field(
        default=(),
        description="Further fields such as phone or company: appended below the text as `name: value`, and to the "
        "HTML as a table.",
        examples=[{"phone": "+49 170 0000000", "company": "ACME"}],
    )
    attachments: Annotated[tuple[Attachment, ...], BeforeValidator(_without_nulls)] = Field(
        default=(), description="Files."
    )
    metadata: Tags = Field(
        default={},
        description="Your own tags, for the status and the log; they are not part of the mail.",
        examples=[{"form": "contact"}],
    )

    @property
    def recipients(self) -> tuple[str, ...]:
        """Every address that the mail goes to, each once."""
        return tuple(dict.fromkeys(mailbox.address for mailbox in (*self.to, *self.cc, *self.bcc)))

    @property
    def hidden_recipients(self) -> tuple[str, ...]:
        """Recipients that the others do not see: those of `bcc` alone."""
        visible = {mailbox.address for mailbox in (*self.to, *self.cc)}
        return tuple(address for address in self.recipients if address not in visible)

    @property
    def answers_to(self) -> Mailbox | None:
        """Reply-To: `reply_to`, or else the writer."""
        if self.reply_to or not self.from_:
            return self.reply_to
        return Mailbox(self.from_.address, self.from_.name or self.from_name or "")

    @property
    def parts(self) -> tuple[str | None, str | None]:
        """The plain text and the HTML; None for the one that is absent."""
        if isinstance(self.html, str):
            return (self.text or self.body, self.html)
        return (self.text, self.body) if self.html else (self.text or self.body, None)

    @property
    def size(self) -> int:
        """Approximate size: characters of the texts plus bytes of the files."""
        texts = sum(len(part) for part in self.parts if part) + sum(len(value) for _, value in self.fields)
        return texts + sum(len(file.content) for file in self.attachments)

    @property
    def international(self) -> bool:
        """Whether an address has a local part that only SMTPUTF8 (RFC 6531) can carry."""
        answers_to = (self.answers_to.address,) if self.answers_to else ()
        return not all(address.isascii() for address in (*self.recipients, *answers_to))


class SendAnswer(BaseModel):
    """The mail server has the mail."""

    success: Literal[True] = True
    message: str = "The mail is on its way"
    code: Literal["accepted"] = "accepted"
    id: str = Field(description="`msg_` and 26 characters; part of the mail's Message-ID.")
    status_url: str = Field(description="Path of the mail's status on this server.")
    ignored: tuple[str, ...] | None = Field(default=None, description="Fields that are not part of the mail.")

    @classmethod
    def of(cls, message_id: str, ignored: tuple[str, ...] = ()) -> Self:
        """Return the answer for a mail's id, with the names of fields that were ignored."""
        return cls(id=message_id, status_url=status_path(message_id), ignored=ignored or None)


class ErrorAnswer(BaseModel):
    """The request failed, or its outcome is unknown."""

    success: Literal[False] = False
    message: str = Field(description="What is wrong, and how to correct it.")
    code: Code = Field(description="One of a closed list.")
    errors: dict[str, str] | None = Field(default=None, description="What is wrong, by field.")
    id: str | None = Field(default=None, description="The mail's id, where its outcome is unknown.")
    status_url: str | None = Field(default=None, description="Path of its status, where its outcome is unknown.")


def status_path(message_id: str) -> str:
    """Return the path of a mail's status. It is relative: the API does not know the URL that its proxy gives it."""
    return f"/messages/{message_id}"


def parse_send_request(payload: Mapping[str, Any], most_attachments: int, attachment_bytes: int) -> SendRequest:
    """Return the request that the decoded body describes.

    Args:
        payload: the decoded body.
        most_attachments: MAX_ATTACHMENTS.
        attachment_bytes: MAX_ATTACHMENT_BYTES, for all files together.

    Raises:
        InvalidRequest: names every field that can't be used, and none of its content.
        RequestTooLarge: the attachments are, taken together.
    """
    payload = {name: value for name, value in payload.items() if value is not None}
    files = payload.get("attachments")
    if isinstance(files, list) and len(files) > most_attachments:
        raise InvalidRequest((("attachments", f"are more than {most_attachments} (MAX_ATTACHMENTS)"),))
    try:
        request = SendRequest.model_validate(payload)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        problems = {_path(item["loc"], payload): _words(item) for item in reversed(found)}
        raise InvalidRequest(tuple(reversed(problems.items()))[:_MOST_PROBLEMS]) from None
    if problems_of_all := _problems(request):
        raise InvalidRequest(problems_of_all[:_MOST_PROBLEMS])
    if sum(len(attachment.content) for attachment in request.attachments) > attachment_bytes:
        raise RequestTooLarge(attachment_bytes, "MAX_ATTACHMENT_BYTES")
    return request


def _problems(request: SendRequest) -> tuple[Problem, ...]:
    found: list[Problem] = []
    if request.body is None and request.text is None and not isinstance(request.html, str):
        found.append(("body", "is required"))
    elif request.body is not None and request.text is not None and request.html is not True:
        found.append(("text", "says the same as body; send one of them"))
    elif request.html is True and request.body is None:
        found.append(("body", "is required when html is true"))
    if len((*request.to, *request.cc, *request.bcc)) > MOST_RECIPIENTS:
        found.append(("to", f"holds more than {MOST_RECIPIENTS} recipients, cc and bcc included"))
    found += [(f"headers.{name}", problem) for name, problem in header_fields.problems(request.headers.items())]
    ids = [file.content_id for file in request.attachments if file.content_id]
    if len(set(ids)) < len(ids):
        found.append(("attachments", "hold the same content_id twice"))
    return tuple(found)


def _path(location: tuple[int | str, ...], payload: Mapping[str, Any]) -> str:
    """Return a field's name as in the request: `to`, or `to.1` for the second of a list."""
    first, *rest = location
    given = payload.get(str(first))
    if rest[:1] == [0] and not isinstance(given, list):
        rest = rest[1:]  # a single mailbox, which we made a list of
    elif rest and isinstance(given, list) and isinstance(rest[0], int):
        rest[0] = [number for number, one in enumerate(given) if one is not None][rest[0]]  # nulls were left out
    return ".".join(str(step)[:60] for step in (first, *rest) if step != "[key]")


def _words(found: ErrorDetails) -> str:
    if found["type"] == "string_pattern_mismatch":
        return PATTERNS[found["ctx"]["pattern"]]
    return _WORDS.get(found["type"], found["msg"].removeprefix("Value error, "))
