"""OpenAPI: bodies and answers with examples, and the page /docs."""

import json
from collections import defaultdict
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import FileResponse, HTMLResponse

from mail_api import errors
from mail_api.bot_checks import OPENED_AT
from mail_api.captcha import TURNSTILE
from mail_api.error_codes import ANSWERS
from mail_api.errors import ApiError
from mail_api.extra_fields import FIELDS, LONGEST_VALUE, NO_NUL
from mail_api.fields import LINE, MOST_RECIPIENTS, TEXT, or_empty
from mail_api.form_files import Form
from mail_api.request_body import JSON, MULTIPART, URLENCODED
from mail_api.responses import error_response, internal_error_response
from mail_api.schemas import EXAMPLE, ErrorAnswer, SendAnswer, SendRequest
from mail_api.submissions import IDEMPOTENCY_HEADER
from mail_ledger.idempotency import LONGEST_KEY

Responses = dict[int | str, dict[str, Any]]

TAGS: Final = [
    {"name": "Send", "description": "Send mails."},
    {"name": "Status", "description": "Outcomes of mails."},
    {"name": "Quota", "description": "How much the relay still accepts."},
    {"name": "Health", "description": "For container health checks and load balancers."},
]
DESCRIPTION: Final = """
A website posts its contact form to `POST /send`; the mail goes through a Postfix server and a relay such as Gmail.

```sh
curl https://mail-api.example.org/send -H 'Content-Type: application/json' \\
    -d '{"to": "hello@example.org", "subject": "Contact form", "body": "Hello", "from": "visitor@example.com"}'
```

Every answer has `success`, `message` and `code`. Callers without an API key can only write to the recipients of
ALLOWED_RECIPIENTS; others show a key: `Authorization: Bearer dm_...`.
"""
_ID: Final = "msg_5p0c9m3w8xv2r7kq1tn4zd6hjy"
_DESCRIPTIONS: Final = {
    202: "The mail server did not confirm the mail, but may have it. Do not send it again: look at `status_url`.",
    400: "Something in the request is missing or invalid.",
    401: "The API key is not valid.",
    403: "The recipient, the sender, the site or the captcha is not allowed, or the API key has no right to it.",
    404: "There is no such mail.",
    408: "The body took too long.",
    409: "The idempotency key was used before; see the code.",
    413: "The request is too large.",
    415: "The body is neither JSON nor a form.",
    429: "Too often, too fast, or too much for one day; see Retry-After.",
    503: "Not possible now; see Retry-After and the code.",
}


def _error_responses(*examples: ApiError) -> Responses:
    """Return the answers to these errors by status, with an example for every code."""
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    for error in examples:
        answer = ANSWERS[type(error)]
        found[answer.status][answer.code] = {"value": json.loads(bytes(error_response(error).body))}
    return {
        status: {
            "model": ErrorAnswer,
            "description": _DESCRIPTIONS[status],
            "content": {JSON: {"examples": shown}},
        }
        for status, shown in sorted(found.items())
    }


_ACCEPTED: Final[Responses] = {
    200: {
        "description": "The mail server has the mail in its queue.",
        "content": {JSON: {"example": SendAnswer.of(_ID).model_dump(exclude_none=True)}},
    },
    303: {"description": "The same, for a form that names a page in `redirect`."},
}
_KEY_ERRORS: Final = (errors.KeyInvalid(), errors.RateLimited(42), errors.KeyRateLimited(42), errors.KeyUnverifiable())

_FORM_ERRORS: Final = (
    *_KEY_ERRORS,
    errors.InvalidRequest((("subject", "is required"),)),
    errors.InternationalAddress(),
    errors.RecipientRefused(550, "5.1.1 <anna@example.org>: Recipient address rejected"),
    errors.MessageRefused(552, "5.3.4 Message size exceeds fixed limit"),
    errors.OriginNotAllowed(),
    errors.RedirectNotAllowed(),
    errors.RequestTimeout(20),
    errors.IdempotencyConflict(),
    errors.RequestInFlight(),
    errors.RequestTooLarge(1_000_000),
    errors.UnsupportedMediaType(),
    errors.TooManyLinks(12, 5),
    errors.CaptchaMissing((TURNSTILE.field,)),
    errors.CaptchaFailed(),
    errors.CaptchaUnavailable(),
    errors.KeyLimitExceeded(100, 100, None),
    errors.QuotaExhausted("The relay's limit for 24 hours is used up", None),
    errors.FilledTooFast(2),
    errors.SenderRefused(550, "5.1.8 Sender address rejected"),
    errors.TemporarilyRefused(452, "4.3.1 Insufficient system storage"),
    errors.MailServerUnreachable(10),
    errors.MailServerBusy(10),
    errors.TooManyRequests(),
    errors.OutcomeUnknown(_ID),
)

SEND_RESPONSES: Final[Responses] = {
    **_ACCEPTED,
    **_error_responses(*_FORM_ERRORS, errors.RecipientNotAllowed(), errors.SenderNotAllowed()),
}
FORM_RESPONSES: Final[Responses] = {**_ACCEPTED, **_error_responses(*_FORM_ERRORS)}
"""Of a form with a file: no field chooses recipient or sender, so there is no answer about these."""
_MESSAGE: Final = {
    "id": _ID,
    "state": "deferred",
    "status_url": f"/messages/{_ID}",
    "queue_id": "4jXSsP52xGzDhqX",
    "created": "2026-11-22T09:30:00.120Z",
    "queued": "2026-11-22T09:30:00.151Z",
    "attempts": 1,
    "cause": "auth",
    "retry_can_succeed": False,
    "next_step": "Make a new app password and set SMTP_RELAY_PASSWORD.",
    "next_retry": {"earliest": "2026-11-22T09:35:02.000Z", "latest": "2026-11-22T09:40:02.000Z"},
    "gives_up_at": "2026-11-27T09:30:00.151Z",
    "possible_duplicate": False,
    "recipients": [
        {
            "recipient": "h***@example.org",
            "state": "deferred",
            "at": "2026-11-22T09:30:02.100Z",
            "relay": "smtp.gmail.com[192.0.2.1]:587",
            "dsn": "5.7.8",
            "cause": "auth",
            "reply": "535-5.7.8 Username and Password not accepted.",
            "possible_duplicate": False,
        }
    ],
    "metadata": {"form": "contact"},
    "trace_id": "0af7651916cd43dd8448eb211c80319c",
}
_QUOTA: Final = {
    "limit": 500,
    "used": 120,
    "used_by_entry": {"api": 100, "internal": 5, "submission": 10, "public": 5, "local": 0},
    "forwarded": 5,
    "in_queue": 2,
    "remaining": 378,
    "reserve": 50,
    "exhausted": False,
    "next_release": "2026-11-22T14:03:11.000Z",
}


def _success(description: str, example: object) -> Responses:
    return {200: {"description": description, "content": {JSON: {"example": example}}}}


DEFAULT_RESPONSE: Final[Responses] = {
    "default": {
        "model": ErrorAnswer,
        "description": "Any other error.",
        "content": {JSON: {"example": json.loads(bytes(internal_error_response().body))}},
    }
}
"""For every operation; FastAPI then adds no 422, which this API never answers."""
MESSAGE_RESPONSES: Final[Responses] = {
    **_success("The mail's status.", _MESSAGE),
    **_error_responses(
        errors.KeyInvalid(), errors.RateLimited(42), errors.MessageUnknown(), errors.LedgerUnavailable()
    ),
}
MESSAGES_RESPONSES: Final[Responses] = {
    **_success("Some mails, newest first.", {"messages": [_MESSAGE], "next": None}),
    **_error_responses(*_KEY_ERRORS, errors.LedgerUnavailable(), errors.InvalidRequest((("limit", "is too large"),))),
}
QUOTA_RESPONSES: Final[Responses] = {
    **_success("The quota.", _QUOTA),
    **_error_responses(*_KEY_ERRORS, errors.LedgerUnavailable()),
}
RELEASE_RESPONSES: Final[Responses] = {
    **_success("The mail server has the mail in its queue.", SendAnswer.of(_ID).model_dump()),
    **_error_responses(
        *_KEY_ERRORS,
        errors.KeyRightMissing(),
        errors.InvalidRequest((("to", "cannot be read any more"),)),
        errors.RecipientRefused(550, "5.1.1 <anna@example.org>: Recipient address rejected"),
        errors.RecipientNotAllowed(),
        errors.MessageUnknown(),
        errors.RequestInFlight(),
        errors.QuotaExhausted("The relay's limit for 24 hours is used up", None),
        errors.TemporarilyRefused(452, "4.3.1 Insufficient system storage"),
        errors.MailServerUnreachable(10),
        errors.LedgerUnavailable(),
        errors.OutcomeUnknown(_ID),
    ),
}
HEALTH_RESPONSES: Final = _success("The process is alive.", {"status": "ok"})
READY_RESPONSES: Final[Responses] = {
    **_success("A mail sent now would leave.", {"status": "ready"}),
    **_error_responses(errors.KeyInvalid(), errors.RateLimited(42)),
    503: {
        "description": "It would not; see Retry-After. The reasons are there with an API key only.",
        "content": {
            JSON: {"example": {"status": "not ready", "reasons": {"mail_server": "the mail server does not answer"}}}
        },
    },
}


def send_request_body(most_attachments: int, *, needs_to: bool) -> dict[str, Any]:
    """Return the OpenAPI description of the body of /send, which FastAPI does not know: /send reads the body itself.

    Args:
        most_attachments: MAX_ATTACHMENTS.
        needs_to: whether `to` is required, because DEFAULT_TO is not set.
    """
    schemas = {JSON: _json_schema(most_attachments), URLENCODED: _FORM, MULTIPART: _MULTIPART}
    if needs_to:
        schemas = {kind: schema | {"required": ["to", *schema["required"]]} for kind, schema in schemas.items()}
    content = {kind: {"schema": schema} for kind, schema in schemas.items()}
    content[JSON]["example"] = EXAMPLE
    return _request_body(content)


def form_request_body(form: Form, most_attachments: int) -> dict[str, Any]:
    """Return the OpenAPI description of the body of a form with a file: the fields that the file names, and any others.

    Args:
        form: the form.
        most_attachments: MAX_ATTACHMENTS.
    """
    named = tuple(dict.fromkeys(name for _, name in form.file.named_fields))
    properties = {name: _form_field(form, name) for name in named}
    schema = {"type": "object", "required": list(dict.fromkeys(form.file.required)), "properties": properties}
    strings = schema | {
        "properties": _PROTECTION | properties,
        "propertyNames": FIELDS["propertyNames"],
        "additionalProperties": {"type": "string", "maxLength": LONGEST_VALUE, "pattern": NO_NUL},
    }
    files = {"attachments": _json_schema(most_attachments)["properties"]["attachments"]}
    return _request_body(
        {
            JSON: {"schema": FIELDS | schema | {"properties": files | properties}},
            URLENCODED: {"schema": strings},
            MULTIPART: {"schema": strings | {"properties": strings["properties"] | {"file": _FILE}}},
        }
    )


def _form_field(form: Form, name: str) -> dict[str, Any]:
    text = {"type": "string", "maxLength": LONGEST_VALUE}
    if name == form.file.reply_to:
        field = _ADDRESS if name not in form.file.required else {"type": "string", "format": "email"}
    else:
        field = text | (TEXT if name in form.file.required else {"pattern": NO_NUL})
    return field | ({"title": form.label(name)} if name in form.file.labels else {})


def _request_body(content: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return a required body of these media types, and what else a request to send may have."""
    return {
        "requestBody": {"required": True, "content": content},
        "parameters": [
            {
                "name": IDEMPOTENCY_HEADER,
                "in": "header",
                "description": "Repeated requests with the same key send one mail.",
                "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
            }
        ],
        "security": [{}, {"HTTPBearer": []}],
    }


@cache
def _json_schema(most_attachments: int) -> dict[str, Any]:
    """Return the schema of SendRequest in one piece: OpenAPI would look for its definitions in the whole document."""
    schema = SendRequest.model_json_schema()
    definitions = schema.pop("$defs")
    item = {"anyOf": [definitions["Attachment"], {"type": "null"}]}
    schema["properties"]["attachments"] |= {"type": ["array", "null"], "items": item, "maxItems": most_attachments}
    return schema | {"allOf": _CONTENT_RULES}


_NOT_EMPTY: Final = {"type": "string", "minLength": 1}
_CONTENT_RULES: Final = [
    # There is something to send: body, text, or HTML.
    {"anyOf": [{"required": [name], "properties": {name: _NOT_EMPTY}} for name in ("body", "text", "html")]},
    # `html: true` is about the body; without it, body and text would be the same.
    {
        "if": {"required": ["html"], "properties": {"html": {"const": True}}},
        "then": {"required": ["body"], "properties": {"body": _NOT_EMPTY}},
        "else": {"not": {"required": ["body", "text"], "properties": {"body": _NOT_EMPTY, "text": _NOT_EMPTY}}},
    },
]
_ADDRESS: Final = or_empty({"type": "string", "format": "email"})
_ADDRESSES: Final = {"type": "array", "items": _ADDRESS, "maxItems": MOST_RECIPIENTS}
_PROTECTION: Final[dict[str, Any]] = {
    "redirect": {"type": "string", "description": "The page after a success, on a site of ALLOWED_HOSTS."},
    OPENED_AT: {"type": "string", "pattern": "^[0-9]{0,15}$", "description": "Unix time, also in milliseconds."},
}
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
        **_PROTECTION,
    },
    "required": ["subject", "body"],
    # Without limits here: they are for fields that are appended, and those of a caller with an API key are ignored.
    "additionalProperties": {"description": "Any other field, such as phone: appended to the mail."},
}
# Bytes have no type in JSON Schema (OpenAPI 3.1, "Encoding Object").
_FILE: Final = {"contentMediaType": "application/octet-stream", "description": "Under any name."}
_MULTIPART: Final = _FORM | {"properties": _FORM["properties"] | {"file": _FILE}}


_FILES: Final = Path(str(resources.files("fastapi_swagger") / "resources"))
_SCRIPT: Final = "swagger-ui-bundle.js"
_STYLE: Final = "swagger-ui.css"
_ICON: Final = "favicon-32x32.png"

docs_router = APIRouter(include_in_schema=False)


@docs_router.get("/docs")
async def get_docs() -> HTMLResponse:
    """Return Swagger UI with files of this server (FastAPI's default loads them from a CDN), by relative links."""
    return get_swagger_ui_html(
        title="Dinky Mail",
        openapi_url="openapi.json",
        swagger_js_url=f"docs/{_SCRIPT}",
        swagger_css_url=f"docs/{_STYLE}",
        swagger_favicon_url=f"docs/{_ICON}",
    )


@docs_router.get(f"/docs/{_SCRIPT}")
async def get_docs_script() -> FileResponse:
    """Return Swagger UI's script."""
    return FileResponse(_FILES / _SCRIPT)


@docs_router.get(f"/docs/{_STYLE}")
async def get_docs_style() -> FileResponse:
    """Return Swagger UI's style sheet."""
    return FileResponse(_FILES / _STYLE)


@docs_router.get(f"/docs/{_ICON}")
async def get_docs_icon() -> FileResponse:
    """Return Swagger UI's icon."""
    return FileResponse(_FILES / _ICON)
