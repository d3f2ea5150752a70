"""HTTP app of the control page: mails, faults, limit, traces and alerts, as HTML for people and JSON for tests."""

from typing import Annotated, Literal

from fastapi import Body, FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from loguru import logger
from pydantic import BaseModel, ConfigDict, Field

from mail_sandbox import faults, json_views, pages
from mail_sandbox.faults import FaultRejectedError, SessionStage
from mail_sandbox.inbox import ReceivedMail
from mail_sandbox.json_views import Json
from mail_sandbox.notifications import Notification
from mail_sandbox.relay import Relay
from mail_sandbox.spans import Span
from mail_sandbox.state import Sandbox
from mail_sandbox.trace_tree import draw


class FaultParameters(BaseModel):
    """The parameters of a fault; GET /faults lists which fault takes which."""

    model_config = ConfigDict(extra="forbid")

    count: int | None = None
    at: str | None = None
    seconds: float | None = None
    kind: str | None = None
    recipient: str | None = None
    sender: str | None = None
    text: str | None = None


class LimitChange(BaseModel):
    """The parts of the sending limit to change; the others stay."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=0)] | None = None
    window_seconds: Annotated[float, Field(gt=0)] | None = None
    used: Annotated[int, Field(ge=0)] | None = None
    at: Literal["mail", "end"] | None = None


def create_control_app(sandbox: Sandbox, relay: Relay) -> FastAPI:
    """Return the control page's app."""
    app = FastAPI(title="Dinky Mail sandbox", docs_url=None, redoc_url=None)
    app.add_exception_handler(RequestValidationError, _bad_request)
    app.add_exception_handler(FaultRejectedError, _bad_request)
    _add_pages(app, sandbox, relay)
    _add_messages(app, sandbox)
    _add_faults(app, sandbox, relay)
    _add_limit(app, sandbox)
    _add_traces(app, sandbox)
    _add_notifications(app, sandbox)
    return app


def _add_pages(app: FastAPI, sandbox: Sandbox, relay: Relay) -> None:
    @app.get("/")
    async def overview(*, refresh: bool = False) -> HTMLResponse:
        return _html(pages.overview(sandbox, listening=relay.listening, refresh=refresh))

    @app.get("/health")
    async def health() -> Json:
        return {
            "status": "ok",
            "listening": relay.listening,
            "messages": sandbox.inbox.total,
            "spans": len(sandbox.spans),
            "exports": dict(sandbox.spans.requests),
        }

    @app.get("/attempts")
    async def attempts() -> list[Json]:
        return [json_views.attempt(one) for one in sandbox.attempts.all()]

    @app.delete("/attempts", status_code=204)
    async def forget_attempts() -> None:
        sandbox.attempts.clear()


def _add_messages(app: FastAPI, sandbox: Sandbox) -> None:
    def found(message_id: str) -> ReceivedMail:
        mail = sandbox.inbox.get(message_id)
        if mail is None:
            raise HTTPException(404, "no mail of that id; /messages lists them")
        return mail

    @app.get("/messages")
    async def messages(to: str = "", subject: str = "", message_id: str = "") -> list[Json]:
        mails = sandbox.inbox.find(to=to, subject=subject, message_id=message_id)
        return [json_views.message(mail) for mail in mails]

    @app.get("/messages/{message_id}")
    async def message(message_id: str) -> Json:
        return json_views.message(found(message_id))

    @app.get("/messages/{message_id}/raw")
    async def raw(message_id: str, version: Literal["received", "delivered"] = "received") -> Response:
        mail = found(message_id)
        content = mail.received if version == "received" else mail.delivered
        # Never inline: a browser could take the mail for HTML and run its scripts.
        headers = pages.HEADERS | {"Content-Disposition": f'attachment; filename="{mail.id}.eml"'}
        return Response(content, media_type="message/rfc822", headers=headers)

    @app.get("/messages/{message_id}/view")
    async def view(message_id: str) -> HTMLResponse:
        return _html(pages.mail_page(found(message_id)))

    @app.delete("/messages", status_code=204)
    async def forget_messages() -> None:
        sandbox.inbox.clear()


def _add_faults(app: FastAPI, sandbox: Sandbox, relay: Relay) -> None:
    @app.get("/faults")
    async def list_faults() -> Json:
        return json_views.faults(sandbox.faults)

    @app.put("/faults/{name}")
    async def switch_on(name: str, parameters: Annotated[FaultParameters | None, Body()] = None) -> Json:
        given = parameters.model_dump(exclude_none=True) if parameters else {}
        fault = faults.build(name, given)
        sandbox.faults.switch_on(fault)
        await relay.fault_switched_on(fault)
        logger.bind(fault=json_views.fault(fault)).info("fault switched on")
        return json_views.fault(fault)

    @app.delete("/faults/{name}", status_code=204)
    async def switch_off(name: str) -> None:
        sandbox.faults.switch_off(faults.fault_name(name))
        await relay.faults_switched_off()
        logger.bind(fault=name).info("fault switched off")

    @app.delete("/faults", status_code=204)
    async def switch_all_off() -> None:
        sandbox.faults.clear()
        await relay.faults_switched_off()
        logger.info("all faults switched off")


def _add_limit(app: FastAPI, sandbox: Sandbox) -> None:
    @app.get("/limit")
    async def limit() -> Json:
        return json_views.limit(sandbox.limit)

    @app.put("/limit")
    async def change_limit(change: LimitChange) -> Json:
        sandbox.limit.change(
            limit=change.limit,
            window_seconds=change.window_seconds,
            used=change.used,
            at=SessionStage(change.at) if change.at else None,
        )
        logger.bind(**change.model_dump(exclude_none=True)).info("limit changed")
        return json_views.limit(sandbox.limit)


def _add_traces(app: FastAPI, sandbox: Sandbox) -> None:
    def spans(trace_id: str) -> list[Span]:
        found = sandbox.spans.trace(trace_id)
        if not found:
            raise HTTPException(404, "no span of that trace was received; /traces lists them")
        return found

    @app.get("/traces")
    async def traces(limit: Annotated[int, Query(ge=1)] = 1000) -> list[Json]:
        return [json_views.summary(trace) for trace in sandbox.spans.summaries()[:limit]]

    @app.get("/traces/{trace_id}")
    async def trace(trace_id: str) -> Json:
        return json_views.trace(trace_id.lower(), spans(trace_id), sandbox.spans)

    @app.get("/traces/{trace_id}/tree")
    async def tree(trace_id: str) -> PlainTextResponse:
        return PlainTextResponse(draw(spans(trace_id)), headers=pages.HEADERS)

    @app.delete("/traces", status_code=204)
    async def forget_traces() -> None:
        sandbox.spans.clear()


def _add_notifications(app: FastAPI, sandbox: Sandbox) -> None:
    @app.post("/notifications", status_code=204)
    async def notify(notification: Notification) -> None:
        sandbox.notifications.add(notification, time=sandbox.clock())

    @app.get("/notifications")
    async def notifications(name: str = "") -> list[Json]:
        found = map(json_views.notified, sandbox.notifications.all())
        return [one for one in found if name in ("", one["name"])]

    @app.delete("/notifications", status_code=204)
    async def forget_notifications() -> None:
        sandbox.notifications.clear()


def _html(document: str) -> HTMLResponse:
    return HTMLResponse(document, headers=pages.HEADERS)


async def _bad_request(_request: Request, error: Exception) -> JSONResponse:
    """Answer 400 with one sentence about the wrong values."""
    if isinstance(error, RequestValidationError):
        problems = [f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors()]
        return JSONResponse({"detail": "; ".join(problems)}, status_code=400)
    return JSONResponse({"detail": str(error)}, status_code=400)
