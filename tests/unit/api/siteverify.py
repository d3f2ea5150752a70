"""A captcha provider that speaks the siteverify protocol by HTTP, records what it is asked, and fails on demand."""

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

HANG = b"hang"
CLOSE = b"close"


def failure(*codes: str) -> bytes:
    """Return the answer for a token that is not valid, or a request that is not."""
    return http_answer(200, {"success": False, "error-codes": list(codes)})


def http_answer(status: int, content: object) -> bytes:
    """Return an HTTP response with this content, as JSON unless it is bytes."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nContent-Type: application/json\r\n\r\n"
    return head.encode() + body


@dataclass
class SiteVerifyServer:
    """Accepts each token once; `script` has the next answers, HANG or CLOSE, which come first."""

    hostname: str = "www.mydomain.test"
    asked: list[dict[str, str]] = field(default_factory=list)
    script: deque[bytes] = field(default_factory=deque)
    seen: set[str] = field(default_factory=set)
    held: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    writers: set[asyncio.StreamWriter] = field(default_factory=set)
    port: int = 0
    server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """The address to ask."""
        return f"http://127.0.0.1:{self.port}/siteverify"

    async def start(self) -> None:
        """Listen on a free port."""
        self.held.set()
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and end every connection."""
        assert self.server is not None
        self.server.close()
        for writer in self.writers:
            writer.transport.abort()
        await self.server.wait_closed()

    def reset(self) -> None:
        """Be as after the start."""
        self.hostname = type(self).hostname
        self.asked.clear()
        self.script.clear()
        self.seen.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        try:
            while answer := await self._answer(reader):
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes | None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        asked = {name: values[0] for name, values in parse_qs((await reader.readexactly(length)).decode()).items()}
        self.asked.append(asked)
        self.arrived.set()
        await self.held.wait()
        if self.script:
            scripted = self.script.popleft()
            if scripted == HANG:
                await asyncio.Event().wait()
            return None if scripted == CLOSE else scripted
        return http_answer(200, self._verdict(asked["response"]))

    def _verdict(self, token: str) -> dict[str, Any]:
        if token in self.seen:
            return {"success": False, "error-codes": ["timeout-or-duplicate"]}
        self.seen.add(token)
        return {"success": True, "hostname": self.hostname, "challenge_ts": "2026-11-30T12:00:00Z", "error-codes": []}
