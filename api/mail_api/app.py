"""The whole API, wired: a reader starts here.

request → AccessLog → HTTP metrics → Cors → DefectBarrier → routes.send
                                                              admission   who may send what
                                                              schemas     JSON → SendRequest
                                                              outbox      span, id, record
                                                                message   → EmailMessage
                                                                smtp      → Postfix, over the pool
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from opentelemetry.trace import TracerProvider
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException

from mail_api import answers
from mail_api.access_log import AccessLog
from mail_api.admission import admission
from mail_api.cors import Cors
from mail_api.errors import Situation
from mail_api.observability import NO_SECOND_SPANS, Telemetry, instrument
from mail_api.outbox import Outbox, Sender
from mail_api.pool import Pool
from mail_api.routes import routes
from mail_api.settings import Settings
from mail_api.smtp import Submitter


def create_app(settings: Settings, registry: CollectorRegistry, tracer_provider: TracerProvider) -> FastAPI:
    """Return the API; it opens no connection before the first mail, and ends its connections at shutdown."""
    telemetry = Telemetry(registry, tracer_provider.get_tracer("mail_api"))
    pool = Pool(settings.smtp_host, settings.smtp_port, settings.smtp_pool_size)
    telemetry.watch_connections(pool)
    submitter = Submitter(pool, settings.smtp_retry_seconds, telemetry.count_retry)
    sender = Sender(settings.default_from, settings.mail_domain, settings.smtp_host, settings.smtp_port)
    rules = admission(settings.allowed_recipients, settings.allowed_hosts, settings.default_to)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await pool.close()

    app = FastAPI(
        title="Dinky Mail", lifespan=lifespan, redirect_slashes=False, redoc_url=None, telemetry=NO_SECOND_SPANS
    )
    app.include_router(routes(Outbox(sender, submitter, telemetry), rules, telemetry, settings.max_request_bytes))
    app.add_exception_handler(Situation, answers.on_situation)
    app.add_exception_handler(HTTPException, answers.on_http_exception)
    # The last one added is the outermost.
    app.add_middleware(answers.DefectBarrier)
    app.add_middleware(Cors, admission=rules)
    instrument(app, registry, tracer_provider)
    app.add_middleware(AccessLog)
    return app
