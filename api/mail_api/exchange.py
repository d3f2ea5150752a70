"""A request and its answer, when it is over: what metrics, span and log line are made of."""

from typing import Final, NamedTuple

KNOWN_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_OTHER: Final = "OTHER"
_NO_ROUTE: Final = "none"


class Exchange(NamedTuple):
    """What is told of it; of its caller's words only those that are known."""

    method: str
    """One of HTTP's common ones, or `OTHER`."""
    route: str
    """The template of its path, or `none`."""
    status: int
    """0 when there was no answer."""
    seconds: float
    request_bytes: int
    """As Content-Length has it, as are the next."""
    response_bytes: int

    @property
    def is_routed(self) -> bool:
        """Whether there is something at its path."""
        return self.route != _NO_ROUTE


def known_method(method: str) -> str:
    """Return the method if it is a common one, else `OTHER`: a caller's free text makes no series of a metric."""
    return method if method in KNOWN_METHODS else _OTHER


def known_route(template: str | None) -> str:
    """Return the route's template, or `none` where there is none."""
    return template or _NO_ROUTE
