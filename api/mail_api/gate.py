"""How much is in hand at the same time: what comes on top is refused before it is read, so memory has a bound."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from mail_api.errors import TooManyRequests

_BODY_BYTES: Final = 24_000_000
"""All bodies in hand together; the container has 256 MB, and a body stands in memory four times on its way."""


class Gate:
    """Lets requests in while there is room for them."""

    def __init__(self, most_requests: int, longest_body: int) -> None:
        self._most_requests = most_requests
        self._longest_body = longest_body
        self._most_bytes = max(_BODY_BYTES, longest_body)
        self._requests = 0
        self._bytes = 0

    @contextmanager
    def entered(self, content_length: str) -> Iterator[None]:
        """Hold a place until the block ends; a body without a declared length takes the room of the longest.

        Raises:
            TooManyRequests: there is none.
        """
        declared = int(content_length) if content_length.isdecimal() else self._longest_body
        room = min(declared, self._longest_body)
        if self._requests >= self._most_requests or self._bytes + room > self._most_bytes:
            raise TooManyRequests
        self._requests += 1
        self._bytes += room
        try:
            yield
        finally:
            self._requests -= 1
            self._bytes -= room
