"""The services that requests use, built once by `create_app`: settings, clients, limits, and the forms."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from mail_api.access import AccessRules
from mail_api.auth import ApiKeys
from mail_api.bot_checks import BotChecks
from mail_api.captcha import Captcha
from mail_api.caught_mails import CaughtMails
from mail_api.client_addresses import ClientAddresses, SharedAddressWarning
from mail_api.form_files import Form
from mail_api.ledger_client import LedgerClient
from mail_api.quota import QuotaAdmission
from mail_api.rate_limit import RateLimiter
from mail_api.readiness import Readiness
from mail_api.request_body import RequestCapacity
from mail_api.settings import Settings
from mail_api.smtp import Submitter
from mail_api.submissions import Submissions
from mail_api.telemetry import Telemetry

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FormRules:
    """A form that has a file, and the sites whose pages may send it."""

    form: Form
    access: AccessRules


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that requests need, built once by `create_app`."""

    settings: Settings
    forms: Mapping[str, FormRules]
    """The forms that have a file, by their path."""
    telemetry: Telemetry
    ledger: LedgerClient
    api_keys: ApiKeys
    access: AccessRules
    bot_checks: BotChecks
    captcha: Captcha
    caught_mails: CaughtMails
    clients: ClientAddresses
    shared_address: SharedAddressWarning
    rate_limiter: RateLimiter
    capacity: RequestCapacity
    quota: QuotaAdmission
    submissions: Submissions
    builder: Executor
    submitter: Submitter
    readiness: Readiness

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Return what the work returns; large mails are parsed and built in one thread, one after the other."""
        return await asyncio.get_running_loop().run_in_executor(self.builder, work)


def get_services(request: Request) -> Services:
    """Return the services of the app."""
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(get_services)]


def form_of(request: Request, services: Services) -> FormRules | None:
    """Return the form that the request's path belongs to; None for all other paths."""
    return services.forms.get(request.scope["route"].path)


def access_of(request: Request, services: Services) -> AccessRules:
    """Return the access rules of the request's path."""
    rules = form_of(request, services)
    return rules.access if rules else services.access
