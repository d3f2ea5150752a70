"""The whole API, wired: a reader starts here.

request → TraceContextGuard → span → RequestLog → HTTP metrics → Cors → DefectBarrier → routes.send
    gate        room for it?
    reception   may this caller send it?
      callers     with which API key, if any
      admission   to whom, from which site
      rates       how often, by `clients`' address
      body        JSON, or an HTML form (`forms`), within limits
      people      a person?
      schemas     → SendRequest
    outbox      span, id, record
      quota_gate  room in the relay's day?
      books       written down before and after (→ ledger); a repetition gets the first answer
      message     → EmailMessage
      smtp        → Postfix, over the pool's sessions
GET /messages, /quota → lookup (→ ledger)
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI
from opentelemetry.trace import TracerProvider
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException

from mail_api import answers, openapi
from mail_api.admission import Admission, admission
from mail_api.books import Books
from mail_api.callers import Callers
from mail_api.clients import Clients
from mail_api.cors import Cors
from mail_api.docs_page import docs_routes
from mail_api.errors import Situation
from mail_api.gate import Gate
from mail_api.ledger_access import LedgerAccess, ledger_rules
from mail_api.lookup import lookup_routes
from mail_api.outbox import Outbox, Sender
from mail_api.people import People
from mail_api.pool import Pool
from mail_api.quota_gate import QuotaGate
from mail_api.rates import Rates
from mail_api.readiness import Readiness, ledger_check, mail_server_check
from mail_api.reception import Reception
from mail_api.request_log import RequestLog
from mail_api.routes import send_route, state_routes
from mail_api.schemas import Limits
from mail_api.settings import Settings
from mail_api.smtp import Submitter
from mail_api.telemetry import NO_NATIVE_TELEMETRY, Telemetry, add_http_metrics, add_server_spans
from mail_api.trace_context import TraceContextGuard
from mail_api.upkeep import look_after

_TITLE: Final = "Dinky Mail"


def create_app(settings: Settings, registry: CollectorRegistry, tracer_provider: TracerProvider) -> TraceContextGuard:
    """Return the API; it opens no connection before the first mail, and ends its connections at shutdown."""
    telemetry = Telemetry(registry, tracer_provider.get_tracer("mail_api"))
    pool = Pool(settings.smtp_host, settings.smtp_port, settings.smtp_pool_size)
    telemetry.watch_connections(pool)
    submitter = Submitter(pool, settings.smtp_retry_seconds, telemetry.count_retry)
    sender = Sender(settings.default_from, settings.mail_domain, settings.smtp_host, settings.smtp_port)
    rules = admission(settings.allowed_recipients, settings.allowed_hosts, settings.default_to)
    ledger = LedgerAccess(settings.ledger_url, ledger_rules(settings), telemetry)
    callers, quota, books = Callers(ledger), QuotaGate(ledger, settings.quota_reserve), Books(ledger)
    outbox = Outbox(sender, submitter, telemetry, books, quota)
    reception = _reception(settings, callers, rules)
    gate = Gate(settings.max_concurrent_requests, settings.max_request_bytes)
    readiness = Readiness(mail_server_check(settings.smtp_host, settings.smtp_port), ledger_check(ledger, quota))
    lookup = lookup_routes(
        ledger, callers, quota, reserve=settings.quota_reserve, trace_template=settings.trace_url_template
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        upkeep = asyncio.create_task(look_after(ledger, books, settings.ledger_retention_days))
        yield
        upkeep.cancel()
        await asyncio.wait((upkeep,))
        await pool.close()
        await ledger.close()

    app = FastAPI(
        title=_TITLE,
        lifespan=lifespan,
        redirect_slashes=False,
        openapi_url="/openapi.json" if settings.api_docs else None,
        docs_url=None,
        redoc_url=None,
        telemetry=NO_NATIVE_TELEMETRY,
    )
    body = openapi.request_body(settings.max_attachments, needs_to=settings.default_to is None)
    routers = [send_route(reception, gate, outbox, telemetry, body), lookup, state_routes(readiness, callers)]
    if settings.api_docs:
        routers.append(docs_routes(_TITLE))
    for router in routers:
        # include_router would make every route a second time, at the first request.
        app.router.routes.extend(router.routes)
    app.add_exception_handler(Situation, answers.on_situation)
    app.add_exception_handler(HTTPException, answers.on_http_exception)
    # The last one added is the outermost.
    app.add_middleware(answers.DefectBarrier)
    app.add_middleware(Cors, admission=rules)
    add_http_metrics(app, registry)
    app.add_middleware(RequestLog)
    add_server_spans(app, tracer_provider)
    return TraceContextGuard(app, callers.trusts)


def _reception(settings: Settings, callers: Callers, rules: Admission) -> Reception:
    return Reception(
        callers=callers,
        admission=rules,
        clients=Clients(settings.trusted_proxies),
        rates=Rates(settings.rate_limit, settings.rate_limit_storage),
        people=People(settings.honeypot_field, settings.min_fill_seconds),
        limits=Limits(
            request_bytes=settings.max_request_bytes,
            attachments=settings.max_attachments,
            attachment_bytes=settings.max_attachment_bytes,
            seconds=settings.request_timeout_seconds,
        ),
    )
