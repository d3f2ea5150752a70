"""Gives every request an id: the caller's X-Request-ID if it can be one, in each log line and in the answer."""

import re
import secrets
from typing import Final

from loguru import logger
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mail_telemetry.names import Attribute

HEADER: Final = "X-Request-ID"
_USABLE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=-]{0,127}")


def request_id(claimed: str | None) -> str:
    """Return the claimed id if it is short and of harmless characters, else a new one."""
    return claimed if claimed is not None and _USABLE.fullmatch(claimed) else f"req_{secrets.token_hex(12)}"


class RequestId:
    """Binds the id to all that is logged about a request, and hands it back."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under its id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        found = request_id(Headers(scope=scope).get(HEADER))

        async def mark(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = found
            await send(message)

        with logger.contextualize(**{Attribute.REQUEST_ID: found}):
            await self._app(scope, receive, mark)
