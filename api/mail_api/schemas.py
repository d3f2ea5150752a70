"""What a caller sends and reads: the JSON of /send, and the seed's answer."""

import unicodedata
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, ValidationError

from mail_api.addresses import parse_address
from mail_api.errors import InvalidRequest

# Control characters, lone surrogates, and the two separators that Python and some mail programs treat as line ends.
_NEVER_IN_A_HEADER: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
_UNSUPPORTED: Final = ("cc", "bcc", "reply_to", "text", "headers", "attachments")
"""Fields that other mail APIs know: dropping one in silence would lose recipients or content, so they are refused."""

_WORDS: Final = {
    "missing": "is required",
    "string_type": "must be a string",
    "string_unicode": "holds text that is not valid Unicode",
    "string_too_short": "must not be empty",
    "bool_type": "must be true or false",
}


def _one_line(value: str) -> str:
    if any(unicodedata.category(character) in _NEVER_IN_A_HEADER for character in value):
        raise ValueError("must be one line without control characters")
    return value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return value


def _without_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("must not hold NUL characters")
    return value


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


Address = Annotated[str, AfterValidator(_one_line), AfterValidator(_not_blank), AfterValidator(parse_address)]
Line = Annotated[str, Field(max_length=500), AfterValidator(_one_line), AfterValidator(_not_blank)]
Text = Annotated[str, AfterValidator(_without_nul), AfterValidator(_not_blank)]


class SendRequest(BaseModel):
    """One mail to one recipient. Unknown fields are ignored, since contact forms send more than they need."""

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        json_schema_extra={
            "examples": [
                {
                    "to": "hello@example.org",
                    "subject": "Contact Form Submission",
                    "body": "Message body from the contact form",
                    "from": "visitor@example.com",
                }
            ]
        },
    )

    to: Address | None = Field(default=None, description="One bare address; DEFAULT_TO when absent.")
    subject: Line = Field(description="One line, up to 500 characters.")
    body: Text = Field(description="Plain text, or HTML with `html`.")
    from_: Annotated[Address | None, BeforeValidator(_none_if_empty)] = Field(
        default=None, alias="from", description="Who writes: becomes Reply-To."
    )
    html: StrictBool = Field(default=False, description="The body is HTML; a plain text is made beside it.")


class SendAnswer(BaseModel):
    """The answer to everything: `success` and a sentence; `id` names the mail once it has one."""

    success: bool
    message: str
    id: str | None = Field(default=None, description="msg_ and 26 characters; part of the mail's Message-ID.")


def parse_send_request(payload: Any) -> SendRequest:  # noqa: ANN401 - whatever the JSON held
    """Return the request that the decoded JSON describes.

    Raises:
        InvalidRequest: names every field that can't be used, and none of its content.
    """
    if not isinstance(payload, dict):
        raise InvalidRequest((("request", "must be a JSON object"),))
    dropped = tuple((name, "is not supported") for name in _UNSUPPORTED if payload.get(name))
    if dropped:
        raise InvalidRequest(dropped)
    try:
        return SendRequest.model_validate(payload)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        problems = {str(item["loc"][0]): _words(item["type"], item["msg"]) for item in reversed(found)}
        raise InvalidRequest(tuple(reversed(problems.items()))) from None


def _words(kind: str, message: str) -> str:
    return _WORDS.get(kind, message.removeprefix("Value error, "))
