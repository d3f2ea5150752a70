"""Whether a mail sent now will leave. Strangers learn yes or no; key holders and the log learn why."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Final, TypeAlias

from loguru import logger

from mail_api.ledger_access import LedgerAccess, LedgerAway
from mail_api.quota_gate import QuotaGate
from mail_api.session import Session, SessionLost
from mail_telemetry.names import Service

Check: TypeAlias = Callable[[], Awaitable[Mapping[str, str]]]
"""Returns why no mail will leave, by part; empty when nothing speaks against it."""

CACHE_SECONDS: Final = 3.0
GREETING_SECONDS: Final = 1.0


class Readiness:
    """Asks all checks, once for all who want to know within CACHE_SECONDS."""

    def __init__(self, *checks: Check) -> None:
        self._checks = checks
        self._asking = asyncio.Lock()
        self._found: dict[str, str] = {}
        self._valid_until = 0.0

    async def reasons(self) -> Mapping[str, str]:
        """Return why a mail would not leave, by part; empty when it would."""
        loop = asyncio.get_running_loop()
        async with self._asking:
            if loop.time() >= self._valid_until:
                answers = await asyncio.gather(*(check() for check in self._checks))
                found = {part: reason for answer in answers for part, reason in answer.items()}
                self._tell(found)
                self._found, self._valid_until = found, loop.time() + CACHE_SECONDS
            return self._found

    def _tell(self, found: dict[str, str]) -> None:
        if found and found != self._found:
            logger.bind(**found).warning("not ready")
        elif self._found and not found:
            logger.info("ready again")


def mail_server_check(host: str, port: int) -> Check:
    """Return the check that Postfix greets and answers EHLO within a second."""

    async def check() -> Mapping[str, str]:
        try:
            async with asyncio.timeout(GREETING_SECONDS):
                session = await Session.open(host, port, Service.API.value)
        except TimeoutError:
            return {"mail_server": f"the mail server did not answer within {GREETING_SECONDS:g} s"}
        except SessionLost as problem:
            return {"mail_server": f"the mail server takes no mail: {problem}"}
        except OSError as problem:
            return {"mail_server": f"the mail server does not answer: {type(problem).__name__}"}
        session.quit()
        return {}

    return check


def ledger_check(ledger: LedgerAccess, quota: QuotaGate) -> Check:
    """Return the check of what the mail server's log says: relay, queue, quota, and whether the log is read at all.

    A ledger that is away says nothing against a mail.
    """

    async def check() -> Mapping[str, str]:
        try:
            found = dict(await ledger.call("status", lambda known: known.health.troubles()))
            until = (await quota.read()).exhausted_until
        except LedgerAway:
            return {}
        if until is not None:
            found["quota"] = f"the relay's limit is used up until {datetime.fromtimestamp(until, UTC):%H:%M:%S} UTC"
        return found

    return check
