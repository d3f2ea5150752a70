"""What a caller sends and reads: the fields of /send, and the seed's answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.config import JsonDict
from pydantic_core import ErrorDetails

from mail_api.addresses import Mailbox
from mail_api.attachments import Attachment
from mail_api.described import MOST_RECIPIENTS
from mail_api.errors import InvalidRequest, Problem, RequestTooLarge
from mail_api.fields import (
    PATTERNS,
    FlagOrMarkup,
    Headers,
    Line,
    Mailboxes,
    OptionalLine,
    OptionalMailbox,
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
_EXAMPLE: Final[JsonDict] = {
    "to": "hello@example.org",
    "subject": "Contact Form Submission",
    "body": "Message body from the contact form",
    "from": "visitor@example.com",
}


class SendRequest(BaseModel):
    """One mail. Unknown fields are ignored, since contact forms send more than they need."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, hide_input_in_errors=True, json_schema_extra={"examples": [_EXAMPLE]}
    )

    to: Mailboxes = Field(default=(), description="Whom it goes to; DEFAULT_TO when absent.")
    cc: Mailboxes = Field(default=(), description="Who gets a copy, for all to see.")
    bcc: Mailboxes = Field(default=(), description="Who gets a copy that nobody sees.")
    subject: Line = Field(description="One line, up to 500 characters.")
    body: OptionalText = Field(default=None, description="Plain text, or HTML when `html` is true.")
    text: OptionalText = Field(default=None, description="The plain text, where `body` or `html` holds HTML.")
    html: FlagOrMarkup = Field(
        default=False, description="`true`: the body is HTML. Or the HTML itself, beside `text` or `body`."
    )
    from_: OptionalMailbox = Field(default=None, alias="from", description="Who writes: becomes Reply-To.")
    from_name: OptionalLine = Field(
        default=None, description="The writer's name, where `from` holds the address alone."
    )
    reply_to: OptionalMailbox = Field(default=None, description="Where answers go, when that is not `from`.")
    headers: Headers = Field(default={}, description="Further headers, X-… only.", examples=[{"X-Form": "contact"}])
    attachments: tuple[Attachment, ...] = Field(default=(), description="Files.")
    metadata: Tags = Field(
        default={},
        description="Your own tags; they stand in the status and in the log, not in the mail.",
        examples=[{"form": "contact"}],
    )

    @property
    def recipients(self) -> tuple[str, ...]:
        """Every address that the mail goes to, each once."""
        return tuple(dict.fromkeys(mailbox.address for mailbox in (*self.to, *self.cc, *self.bcc)))

    @property
    def answers_to(self) -> Mailbox | None:
        """Where answers go: `reply_to`, or whoever writes."""
        if self.reply_to or not self.from_:
            return self.reply_to
        return Mailbox(self.from_.address, self.from_.name or self.from_name or "")

    @property
    def parts(self) -> tuple[str | None, str | None]:
        """The plain text and the HTML, whichever were given."""
        if isinstance(self.html, str):
            return (self.text or self.body, self.html)
        return (self.text, self.body) if self.html else (self.text or self.body, None)

    @property
    def size(self) -> int:
        """About how much there is to send: the characters of its texts and the bytes of its files."""
        return sum(len(part) for part in self.parts if part) + sum(len(file.content) for file in self.attachments)

    @cached_property
    def international(self) -> bool:
        """Whether an address has a local part that only SMTPUTF8 (RFC 6531) can carry."""
        answers_to = (self.answers_to.address,) if self.answers_to else ()
        return not all(address.isascii() for address in (*self.recipients, *answers_to))


class SendAnswer(BaseModel):
    """The answer to everything: `success`, a sentence and a code."""

    success: bool
    message: str
    code: str = Field(description="One of a closed list; `accepted` is the only success.")
    id: str | None = Field(default=None, description="msg_ and 26 characters; part of the mail's Message-ID.")
    status_url: str | None = Field(default=None, description="Where to ask what became of it, on this server.")
    errors: dict[str, str] | None = Field(default=None, description="What is wrong, by field.")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a request may hold, and how long its body may take to arrive."""

    request_bytes: int
    attachments: int
    attachment_bytes: int
    seconds: float


def parse_send_request(payload: Mapping[str, Any], limits: Limits) -> SendRequest:
    """Return the request that the decoded body describes.

    Raises:
        InvalidRequest: names every field that can't be used, and none of its content.
        RequestTooLarge: the attachments are, taken together.
    """
    files = payload.get("attachments")
    if isinstance(files, list) and len(files) > limits.attachments:
        raise InvalidRequest((("attachments", f"are more than {limits.attachments} (MAX_ATTACHMENTS)"),))
    try:
        request = SendRequest.model_validate(payload)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        problems = {_path(item["loc"], payload): _words(item) for item in reversed(found)}
        raise InvalidRequest(tuple(reversed(problems.items()))[:_MOST_PROBLEMS]) from None
    if problems_of_all := _problems(request):
        raise InvalidRequest(problems_of_all)
    if sum(len(attachment.content) for attachment in request.attachments) > limits.attachment_bytes:
        raise RequestTooLarge(limits.attachment_bytes, "MAX_ATTACHMENT_BYTES")
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
    return tuple(found)


def _path(location: tuple[int | str, ...], payload: Mapping[str, Any]) -> str:
    """Return a field's name as the caller knows it: `to`, or `to.1` for the second of a list."""
    first, *rest = location
    if rest[:1] == [0] and not isinstance(payload.get(str(first)), list):
        rest = rest[1:]  # a single mailbox, which we made a list of
    return ".".join(str(step)[:60] for step in (first, *rest) if step != "[key]")


def _words(found: ErrorDetails) -> str:
    if found["type"] == "string_pattern_mismatch":
        return PATTERNS[found["ctx"]["pattern"]]
    return _WORDS.get(found["type"], found["msg"].removeprefix("Value error, "))
