"""Whether a mail sent now will leave, as far as this service knows. Strangers learn yes or no, the log learns why."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

from aiosmtplib import SMTP, SMTPException
from loguru import logger

from mail_telemetry.names import Service

Check: TypeAlias = Callable[[], Awaitable[str | None]]
"""Returns why no mail will leave, or None."""

CACHE_SECONDS: Final = 3.0
GREETING_SECONDS: Final = 1.0


class Readiness:
    """Asks all checks, once for all who want to know within CACHE_SECONDS."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._asking = asyncio.Lock()
        self._found: dict[str, str] = {}
        self._valid_until = 0.0

    async def reasons(self) -> Mapping[str, str]:
        """Return why a mail would not leave, by check; empty when it would."""
        loop = asyncio.get_running_loop()
        async with self._asking:
            if loop.time() >= self._valid_until:
                answers = await asyncio.gather(*(check() for check in self._checks.values()))
                found = {name: reason for name, reason in zip(self._checks, answers, strict=True) if reason}
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

    async def check() -> str | None:
        smtp = SMTP(hostname=host, port=port, local_hostname=Service.API.value, start_tls=False, timeout=None)
        try:
            async with asyncio.timeout(GREETING_SECONDS):
                await smtp.connect()
                await smtp.ehlo()
                await smtp.quit()
        except TimeoutError:
            return f"the mail server did not answer within {GREETING_SECONDS:g} s"
        except (SMTPException, OSError) as problem:
            return f"the mail server does not answer: {type(problem).__name__}"
        finally:
            smtp.close()
        return None

    return check
