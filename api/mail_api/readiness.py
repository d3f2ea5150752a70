"""Readiness: whether a mail sent now would leave, and why not."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Final, TypeAlias

from aiosmtplib import SMTPConnectResponseError, SMTPException, SMTPHeloError
from loguru import logger

from mail_api.ledger_client import LedgerClient, LedgerUnreachable
from mail_api.quota import QuotaAdmission
from mail_api.smtp import smtp_client

Check: TypeAlias = Callable[[], Awaitable[Mapping[str, str]]]
"""Returns why no mail would leave, by part; empty when it would."""

CACHE_SECONDS: Final = 3.0
GREETING_SECONDS: Final = 1.0


class Readiness:
    """Runs all checks, at most once within CACHE_SECONDS."""

    def __init__(self, *checks: Check) -> None:
        self._checks = checks
        self._checking = asyncio.Lock()
        self._found: dict[str, str] = {}
        self._valid_until = 0.0

    async def reasons(self) -> Mapping[str, str]:
        """Return why a mail would not leave, by part; empty when it would."""
        loop = asyncio.get_running_loop()
        async with self._checking:
            if loop.time() >= self._valid_until:
                answers = await asyncio.gather(*(check() for check in self._checks))
                found = {part: reason for answer in answers for part, reason in answer.items()}
                self._log_change(found)
                self._found, self._valid_until = found, loop.time() + CACHE_SECONDS
            return self._found

    def _log_change(self, found: dict[str, str]) -> None:
        if found and found != self._found:
            logger.bind(**found).warning("not ready")
        elif self._found and not found:
            logger.info("ready again")


def mail_server_check(host: str, port: int) -> Check:
    """Return the check that Postfix greets and answers EHLO within a second."""

    async def check() -> Mapping[str, str]:
        smtp = smtp_client(host, port, GREETING_SECONDS)
        try:
            async with asyncio.timeout(GREETING_SECONDS):
                await smtp.connect()
                await smtp.ehlo()
                await smtp.quit()
        except TimeoutError:
            return {"mail_server": f"the mail server did not answer within {GREETING_SECONDS:g} s"}
        except SMTPConnectResponseError as error:
            return {"mail_server": f"the mail server takes no mail: it greets with {error.code}"}
        except SMTPHeloError as error:
            return {"mail_server": f"the mail server takes no mail: it answers EHLO with {error.code}"}
        except (SMTPException, OSError) as error:
            return {"mail_server": f"the mail server does not answer: {error.__cause__ or error}"}
        finally:
            smtp.close()
        return {}

    return check


def ledger_check(ledger: LedgerClient, quota: QuotaAdmission) -> Check:
    """Return the check of relay, queue and quota in the ledger, and of whether the mail log is read at all.

    An unreachable ledger is no reason: mail is sent without it.
    """

    async def check() -> Mapping[str, str]:
        try:
            found = dict(await ledger.call("status", lambda known: known.health.problems()))
            until = (await quota.read()).exhausted_until
        except LedgerUnreachable:
            return {}
        if until is not None:
            found["quota"] = f"the relay's limit is used up until {datetime.fromtimestamp(until, UTC):%H:%M:%S} UTC"
        return found

    return check
