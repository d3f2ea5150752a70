"""Command `python -m mail_sandbox`: starts the sandbox."""

import asyncio
import logging
import signal
import sys

from loguru import logger
from pydantic import ValidationError

from mail_sandbox.service import running
from mail_sandbox.settings import Settings, problems

USAGE_ERROR = 2


async def serve(settings: Settings) -> None:
    """Run the sandbox until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(settings):
        await stop.wait()
        logger.info("stopping")
    logger.info("stopped")


def configure_logging() -> None:
    """Log one line for each event to standard output; tracebacks are without the values of variables."""
    logger.remove()
    logger.add(sys.stdout, format="{time:YYYY-MM-DDTHH:mm:ss.SSS!UTC}Z {level} {message} {extra}", diagnose=False)
    # aiosmtpd logs addresses.
    logging.getLogger("mail.log").setLevel(logging.CRITICAL + 1)
    # asyncio logs every handshake that a client breaks off.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)


def main() -> None:
    """Run the sandbox; exit with 0 after a signal, with 2 when a setting is wrong."""
    configure_logging()
    try:
        settings = Settings()
    except ValidationError as error:
        sys.stderr.writelines(f"{line}\n" for line in problems(error))
        sys.exit(USAGE_ERROR)
    try:
        asyncio.run(serve(settings))
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(USAGE_ERROR)


if __name__ == "__main__":
    main()
