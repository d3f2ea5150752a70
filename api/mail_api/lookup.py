"""The API's paths that read the ledger: GET /messages/{id}, /messages and /quota."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Request, Security
from fastapi.security import HTTPBearer
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from starlette.responses import JSONResponse, Response

from mail_api import openapi
from mail_api.callers import Callers
from mail_api.errors import InvalidRequest, LedgerUnavailable, MessageUnknown
from mail_api.ledger_access import LedgerAccess, LedgerAway
from mail_api.quota_gate import QuotaGate
from mail_api.status_schemas import MessageAnswer, MessagesAnswer, QuotaAnswer
from mail_ledger.api_key import NAME
from mail_ledger.api_ledger import ApiLedger
from mail_ledger.messages import CURSOR, Wanted
from mail_ledger.state import State
from mail_telemetry.identity import is_message_id

T = TypeVar("T")

_MOST_AT_ONCE: Final = 200
# JSON Schema knows no named groups.
_CURSOR: Final = f"^{re.sub(r'[?]P<.+?>', '', CURSOR)}$"
KEY: Final = Security(HTTPBearer(auto_error=False, description="An API key: `Authorization: Bearer dm_...`"))
"""Shows the key in OpenAPI; `Callers` is what looks at it."""


def _no_number(value: object) -> object:
    """Refuse what pydantic would read as seconds, or as milliseconds, depending on its size."""
    if isinstance(value, str) and not value.startswith("-") and "-" in value:
        return value
    raise ValueError("is not a time such as 2026-11-22T09:30:00Z")


Since = Annotated[AwareDatetime, BeforeValidator(_no_number)]


class ListQuery(BaseModel):
    """Which mails are listed."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    state: Annotated[State, Field(description="Only those in this state.")] | None = None
    since: Annotated[Since, Field(description="Only those taken since then: ISO 8601 with a zone.")] | None = None
    key: Annotated[str, Field(pattern=NAME, description="Only those sent with the API key of this name.")] | None = None
    limit: Annotated[int, Field(ge=1, le=_MOST_AT_ONCE, description="Most mails of the page.")] = 50
    cursor: Annotated[str, Field(pattern=_CURSOR, description="`next` of the page before.")] | None = None

    @property
    def wanted(self) -> Wanted:
        """The same in the ledger's words."""
        return Wanted(self.state, self.since.timestamp() if self.since else None, self.key)


def parse_list_query(parameters: dict[str, str]) -> ListQuery:
    """Return what the URL's parameters ask for.

    Raises:
        InvalidRequest: names each parameter that can't be used.
    """
    try:
        return ListQuery.model_validate(parameters)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise InvalidRequest(tuple((str(item["loc"][0])[:60], item["msg"]) for item in found)) from None


def lookup_routes(
    ledger: LedgerAccess, callers: Callers, quota: QuotaGate, *, reserve: int, trace_template: str | None
) -> APIRouter:
    """Return the paths; what is read is as old as the exporter is behind, mostly under two seconds."""
    router = APIRouter()

    async def status(request: Request) -> Response:
        """Tell what became of a mail. Whoever has its id, which can't be guessed, may ask; a key shows more."""
        message_id = request.path_params["message_id"]
        found = None
        if is_message_id(message_id):
            found = await _ask(ledger, lambda known: known.messages.get(message_id))
        if found is None:
            raise MessageUnknown
        answer = MessageAnswer.of(found, trace_template)
        return _json(answer if await callers.trusts(request.scope) else answer.for_anybody())

    async def messages(request: Request) -> Response:
        """List mails, newest first. A page may be short or empty before the end, which is where `next` is null."""
        await callers.require(request.scope)
        query = parse_list_query(dict(request.query_params))
        page = await _ask(
            ledger, lambda known: known.messages.page(query.wanted, cursor=query.cursor, limit=query.limit)
        )
        return _json(MessagesAnswer.of(page, trace_template))

    async def used(request: Request) -> Response:
        """Tell how much the relay still takes: an estimate from the mail server's own log."""
        await callers.require(request.scope)
        try:
            return _json(QuotaAnswer.of(await quota.read(), reserve))
        except LedgerAway:
            raise LedgerUnavailable from None

    by_id = [openapi.parameter("message_id", "path", {"type": "string"}, "The `id` of the answer to /send.")]
    listing = openapi.parameters(ListQuery)
    for path, endpoint, answer, parameters in (
        ("/messages/{message_id}", status, MessageAnswer, by_id),
        ("/messages", messages, MessagesAnswer, listing),
        ("/quota", used, QuotaAnswer, []),
    ):
        router.add_api_route(
            path,
            endpoint,
            methods=["GET"],
            response_model=answer,
            dependencies=[] if endpoint is status else [KEY],
            responses=openapi.lookup_responses(
                needs_key=endpoint is not status, by_id=endpoint is status, by_parameters=endpoint is messages
            ),
            openapi_extra={"parameters": parameters},
        )
    return router


async def _ask(ledger: LedgerAccess, use: Callable[[ApiLedger], T]) -> T:
    try:
        return await ledger.call("status", use)
    except LedgerAway:
        raise LedgerUnavailable from None


def _json(answer: BaseModel) -> Response:
    content: dict[str, Any] = answer.model_dump(mode="json")
    return JSONResponse(content, headers={"Cache-Control": "no-store"})
