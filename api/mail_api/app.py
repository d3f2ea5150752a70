"""`create_app` builds the whole API: read this file first, then `send.py`.

request ──▶ TraceContextGuard ──▶ span (OpenTelemetry) ──▶ RequestLog ──▶ HTTP metrics ──▶ CORS ──▶ UnexpectedErrors
        ──▶ router: send.py, forms.py, status.py, health.py ──▶ dependencies.py: checks ──▶ endpoint
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from opentelemetry.trace import TracerProvider
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException

from mail_api import forms, health, openapi, release, responses, send, status
from mail_api.access import AccessRules, CORSByPath
from mail_api.auth import ApiKeys
from mail_api.bot_checks import BotChecks
from mail_api.captcha import Captcha
from mail_api.caught_mails import CaughtMails
from mail_api.client_addresses import ClientAddresses, SharedAddressWarning
from mail_api.errors import ApiError
from mail_api.form_files import Form, load_forms
from mail_api.ledger_client import LedgerClient, ledger_rules
from mail_api.maintenance import maintain, maintain_caught_mails
from mail_api.quota import QuotaAdmission
from mail_api.rate_limit import RateLimiter
from mail_api.readiness import Readiness, ledger_check, mail_server_check
from mail_api.request_body import RequestCapacity
from mail_api.request_log import RequestLog
from mail_api.services import FormRules, Services
from mail_api.settings import Settings
from mail_api.smtp import Pool, Submitter
from mail_api.submissions import Submissions
from mail_api.telemetry import NO_NATIVE_TELEMETRY, Telemetry, add_http_metrics, add_server_spans
from mail_api.trace_context import TraceContextGuard


def create_app(settings: Settings, registry: CollectorRegistry, tracer_provider: TracerProvider) -> TraceContextGuard:
    """Return the API. It connects to Postfix and the ledger when they are first needed.

    Raises:
        FormsInvalid: a form file cannot be used.
    """
    form_files = load_forms(settings)
    names = {path: form.name for path, form in form_files.items()}
    telemetry = Telemetry(registry, tracer_provider.get_tracer("mail_api"), names)
    pool = Pool(settings.smtp_host, settings.smtp_port, settings.smtp_pool_size)
    telemetry.watch_connections(pool)
    services = _services(settings, telemetry, pool, form_files)
    app = FastAPI(
        title="Dinky Mail",
        description=openapi.DESCRIPTION,
        openapi_tags=openapi.TAGS,
        openapi_url="/openapi.json" if settings.api_docs else None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(services, pool),
        responses=openapi.DEFAULT_RESPONSE,
        telemetry=NO_NATIVE_TELEMETRY,
    )
    app.state.services = services
    app.include_router(send.create_router(settings))
    app.include_router(forms.create_router(settings, form_files.values()))
    app.include_router(status.router)
    app.include_router(release.router)
    app.include_router(health.router)
    if settings.api_docs:
        app.include_router(openapi.docs_router)
    app.add_exception_handler(ApiError, responses.on_api_error)
    app.add_exception_handler(RequestValidationError, responses.on_validation_error)
    app.add_exception_handler(HTTPException, responses.on_http_exception)
    # The middleware that is added last is the outermost.
    app.add_middleware(responses.UnexpectedErrors)
    by_path = {path: rules.access for path, rules in services.forms.items()}
    app.add_middleware(CORSByPath, rules=services.access, by_path=by_path)
    add_http_metrics(app, registry)
    app.add_middleware(RequestLog)
    add_server_spans(app, tracer_provider)
    return TraceContextGuard(app, services.api_keys.shows_valid_key)


def _lifespan(services: Services, pool: Pool) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Return what the app does from its start to its end: maintenance, and at the end the closing of connections."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        jobs = (
            maintain(services.ledger, services.submissions, services.settings.ledger_retention_days),
            maintain_caught_mails(services.caught_mails, lambda: release.release_requested(services)),
        )
        tasks = [asyncio.create_task(job) for job in jobs]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await services.captcha.close()
        await pool.close()
        services.builder.shutdown(wait=False)
        await services.ledger.close()

    return lifespan


def _services(settings: Settings, telemetry: Telemetry, pool: Pool, form_files: Mapping[str, Form]) -> Services:
    ledger = LedgerClient(settings.ledger_url, ledger_rules(settings), telemetry)
    quota = QuotaAdmission(ledger, settings.quota_reserve)
    access = AccessRules.of(settings.allowed_recipients, settings.allowed_hosts, settings.default_to)
    return Services(
        settings=settings,
        forms={path: FormRules(form, access.with_sites(form.file.origins)) for path, form in form_files.items()},
        telemetry=telemetry,
        ledger=ledger,
        api_keys=ApiKeys(ledger),
        access=access,
        bot_checks=BotChecks(settings.honeypot_fields, settings.min_fill_seconds, settings.max_links),
        captcha=Captcha(
            settings.captcha_providers(),
            seconds=settings.captcha_timeout_seconds,
            fail_open=settings.captcha_fail_open,
            count=telemetry.count_captcha,
        ),
        caught_mails=CaughtMails(ledger, settings.honeypot_keep_seconds, telemetry),
        clients=ClientAddresses(settings.trusted_proxies, settings.client_address_header),
        shared_address=SharedAddressWarning(),
        rate_limiter=RateLimiter(settings.rate_limit, settings.rate_limit_storage),
        capacity=RequestCapacity(settings.max_concurrent_requests, settings.max_request_bytes),
        quota=quota,
        submissions=Submissions(ledger),
        # One thread: several would wait for each other (they compute), and each would use memory of its own.
        builder=ThreadPoolExecutor(1, thread_name_prefix="large-mails"),
        submitter=Submitter(pool, settings.smtp_retry_seconds, telemetry.count_retry),
        readiness=Readiness(mail_server_check(settings.smtp_host, settings.smtp_port), ledger_check(ledger, quota)),
    )
