"""Spam checks of a request, in their order: honeypot, fill time, links; after all other checks the captcha.

check_fields ──▶ Caught ──▶ CaughtMails.keep
└─▶ the mail ──▶ check_captcha
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mail_api.captcha import CaptchaToken
from mail_api.errors import ApiError, HoneypotFilled
from mail_api.schemas import SendRequest
from mail_api.submissions import Idempotency
from mail_telemetry.message_ids import new_message_id

if TYPE_CHECKING:  # it imports this module
    from mail_api.access import AccessRules
    from mail_api.dependencies import Caller
    from mail_api.services import Services


@dataclass(frozen=True, slots=True)
class Caught:
    """A request whose honeypot is filled."""

    error: HoneypotFilled
    mail: SendRequest | None
    """What it would have sent; None: the caller has a key, or it would have been rejected."""


def check_fields(
    payload: Mapping[str, Any],
    caller: Caller,
    services: Services,
    build: Callable[[], SendRequest],
    redirect: str | None = None,
) -> SendRequest | Caught:
    """Return the mail that the fields of a request ask for, if its caller may send it; or what the honeypot caught.

    It waits for nothing, so that it can run in a thread. What it returns has to be passed to `CaughtMails.keep` or
    `check_captcha`.

    Args:
        payload: the fields of the request.
        caller: the caller.
        services: the services of the app.
        build: returns the mail of the fields; raises ApiError if they make none, or the caller may not send it.
        redirect: the page after a success.

    Raises:
        ApiError: the caller may not send this mail.
    """
    field = services.bot_checks.filled_honeypot(payload)
    if field is not None:
        error = HoneypotFilled(field, new_message_id(), redirect)
        return Caught(error, _releasable(caller, services, build))
    services.bot_checks.check_fill_time(payload, time.time())
    if caller.key is None:
        with caller.report_unverified():
            services.bot_checks.check_links(payload)
    return build()


async def check_captcha(
    token: CaptchaToken | None,
    idempotency: Idempotency | None,
    caller: Caller,
    services: Services,
    access: AccessRules,
) -> None:
    """Verify the captcha token of a caller without a key, if a captcha provider is set up.

    Tokens are valid once: the repetition of a request under its Idempotency-Key is not verified again.

    Args:
        token: the token of the request.
        idempotency: the Idempotency-Key of the request.
        caller: the caller.
        services: the services of the app.
        access: the sites whose pages may send the request.

    Raises:
        CaptchaMissing, CaptchaFailed, CaptchaUnavailable: there is no valid token.
        KeyUnverifiable: the caller's API key could not be verified, and a valid one would not need a token.
    """
    if caller.key is not None or not services.captcha.is_on:
        return
    if await services.submissions.is_repetition(idempotency):
        return
    with caller.report_unverified():
        await services.captcha.check(token, access.allows_host, idempotency.identity if idempotency else None)


def _releasable(caller: Caller, services: Services, build: Callable[[], SendRequest]) -> SendRequest | None:
    """Return the mail of a caller without a key that would have been sent, or None."""
    if caller.key is not None or not services.caught_mails.keep_seconds:
        return None
    try:
        return build()
    except ApiError:
        return None
