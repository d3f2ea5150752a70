"""How the paths describe themselves: the body of /send in its three forms, and every answer with an example."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

from pydantic import BaseModel
from starlette.responses import JSONResponse

from mail_api import errors, forms
from mail_api.answers import acceptance, refusal
from mail_api.books import HEADER
from mail_api.codes import ANSWERS
from mail_api.described import LINE, MOST_RECIPIENTS, TEXT, or_empty
from mail_api.people import OPENED_AT
from mail_api.schemas import SendAnswer, SendRequest
from mail_ledger.idempotency import LONGEST_KEY

_ANSWER: Final = {"$ref": f"#/components/schemas/{SendAnswer.__name__}"}
_ID: Final = "msg_5p0c9m3w8xv2r7kq1tn4zd6hjy"
_EXAMPLES: Final = (
    errors.InvalidRequest((("subject", "is required"),)),
    errors.InternationalAddress(),
    errors.RecipientRefused(550, "5.1.1 <anna@example.org>: Recipient address rejected"),
    errors.MessageRefused(552, "5.3.4 Message size exceeds fixed limit"),
    errors.KeyInvalid(),
    errors.RecipientNotAllowed(),
    errors.SenderNotAllowed(),
    errors.OriginNotAllowed(),
    errors.RedirectNotAllowed(),
    errors.RequestTimeout(20),
    errors.IdempotencyConflict(),
    errors.RequestInFlight(),
    errors.RequestTooLarge(1_000_000),
    errors.UnsupportedMediaType(),
    errors.RateLimited(42),
    errors.KeyRateLimited(42),
    errors.KeyLimitExceeded(100, 100, None),
    errors.QuotaExhausted("The relay's limit for 24 hours is used up", None),
    errors.FilledTooFast(2),
    errors.SenderRefused(550, "5.1.8 Sender address rejected"),
    errors.TemporarilyRefused(452, "4.3.1 Insufficient system storage"),
    errors.MailServerUnreachable(10),
    errors.MailServerBusy(10),
    errors.TooManyRequests(),
    errors.KeyUnverifiable(),
    errors.OutcomeUnknown(_ID),
)
_DESCRIPTIONS: Final = {
    400: "Something in the request can't be used.",
    401: "The API key is not valid.",
    403: "The recipient, the sender or the site is not allowed.",
    408: "The body took too long.",
    409: "The idempotency key was used before; see the code.",
    413: "The request is too large.",
    415: "The body is neither JSON nor a form.",
    429: "Too often, too fast, or too much for one day; see Retry-After.",
    503: "The mail server can't take the mail; see Retry-After and the code.",
}


@cache
def responses() -> dict[int | str, dict[str, Any]]:
    """Return every answer that /send gives, by status, with an example for every code."""
    return {
        200: {
            "content": {JSONResponse.media_type: {"example": acceptance(_ID)}},
            "description": "Postfix has the mail.",
        },
        303: {"description": "The same, for a form that names a page in `redirect`.", "model": None},
        **_refusals(_EXAMPLES, _DESCRIPTIONS),
    }


def lookup_responses(
    *, needs_key: bool, by_id: bool = False, by_parameters: bool = False
) -> dict[int | str, dict[str, Any]]:
    """Return the refusals of the paths that read the ledger."""
    shown: list[errors.Situation] = [errors.LedgerUnavailable()]
    if needs_key:
        shown += [errors.KeyInvalid(), errors.KeyRateLimited(42), errors.KeyUnverifiable()]
    if by_parameters:
        shown.append(errors.InvalidRequest((("limit", "is too large"),)))
    if by_id:
        shown.append(errors.MessageUnknown())
    words = {400: "A parameter can't be used.", 404: "No such mail.", 503: "Not at the moment."}
    return _refusals(shown, _DESCRIPTIONS | words)


def _refusals(situations: Iterable[errors.Situation], words: Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    """Return the answers to these situations by status, each with its words and an example for every code."""
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    for situation in situations:
        answer = ANSWERS[type(situation)]
        found[answer.status][answer.code] = {"value": json.loads(bytes(refusal(situation).body))}
    return {
        status: {
            "description": words[status],
            # By reference: with the model itself FastAPI would prepare to check every one of these answers.
            "content": {JSONResponse.media_type: {"schema": _ANSWER, "examples": examples}},
        }
        for status, examples in sorted(found.items())
    }


@cache
def parameters(query: type[BaseModel]) -> list[dict[str, Any]]:
    """Return the fields of a model as parameters of the URL."""
    schema = query.model_json_schema()
    return [parameter(name, "query", _plain(field, schema)) for name, field in schema["properties"].items()]


def _plain(field: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an optional field as it is when the parameter is there."""
    (found, *_) = [kind for kind in field.get("anyOf", [field]) if kind.get("type") != "null"]
    if "$ref" in found:
        found = found | schema["$defs"][found["$ref"].rpartition("/")[2]]
    return {name: value for name, value in found.items() if name not in ("$ref", "title")}


def parameter(name: str, place: str, schema: dict[str, Any], description: str = "") -> dict[str, Any]:
    """Return one parameter of a path or URL."""
    said = description or schema.pop("description", "")
    return {"name": name, "in": place, "required": place == "path", "schema": schema, "description": said}


def request_body(most_attachments: int, *, needs_to: bool) -> dict[str, Any]:
    """Return the body's description; written out, since /send reads the body itself to limit its size."""
    kinds = {"application/json": _json_schema(most_attachments), forms.URLENCODED: _FORM, forms.MULTIPART: _MULTIPART}
    content = {kind: {"schema": _with_to(schema) if needs_to else schema} for kind, schema in kinds.items()}
    idempotency = parameter(
        HEADER, "header", {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY}, "Sends a repetition once only."
    )
    security: list[dict[str, list[str]]] = [{}, {"HTTPBearer": []}]
    return {
        "requestBody": {"required": True, "content": content},
        "parameters": [idempotency],
        "security": security,
    }


@cache
def _json_schema(most_attachments: int) -> dict[str, Any]:
    """Return the request's schema in one piece: a reference would look for its target in the whole document."""
    schema = SendRequest.model_json_schema()
    definitions = schema.pop("$defs")
    schema["properties"]["attachments"] |= {"items": definitions["Attachment"], "maxItems": most_attachments}
    return schema | {"allOf": _CONTENT_RULES}


def _with_to(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema for where there is no DEFAULT_TO."""
    return schema | {"required": ["to", *schema["required"]]}


_SAID: Final = {"type": "string", "minLength": 1}
_CONTENT_RULES: Final = [
    # What there is to send: body, text, or HTML.
    {"anyOf": [{"required": [name], "properties": {name: _SAID}} for name in ("body", "text", "html")]},
    # `html: true` speaks of the body; without it, body and text would say the same.
    {
        "if": {"required": ["html"], "properties": {"html": {"const": True}}},
        "then": {"required": ["body"], "properties": {"body": _SAID}},
        "else": {"not": {"required": ["body", "text"], "properties": {"body": _SAID, "text": _SAID}}},
    },
]
_ADDRESS: Final = or_empty({"type": "string", "format": "email"})
_ADDRESSES: Final = {"type": "array", "items": _ADDRESS, "maxItems": MOST_RECIPIENTS}
_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "to": _ADDRESSES,
        "cc": _ADDRESSES,
        "bcc": _ADDRESSES,
        "from": _ADDRESS,
        "reply_to": _ADDRESS,
        "subject": LINE,
        "body": TEXT,
        "from_name": or_empty(LINE),
        "redirect": {"type": "string", "description": "The page after a success, on a site of ALLOWED_HOSTS."},
        OPENED_AT: {"type": "string", "pattern": "^[0-9]{0,15}$", "description": "Unix time, also in milliseconds."},
    },
    "required": ["subject", "body"],
}
# Bytes have no type of JSON (OpenAPI 3.1, "Encoding Object").
_FILE: Final = {"contentMediaType": "application/octet-stream", "description": "Under any name."}
_MULTIPART: Final = _FORM | {"properties": _FORM["properties"] | {"file": _FILE}}
