"""What the span of an HTTP request says, by OpenTelemetry's stable semantic conventions for HTTP servers.

https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server-span. Addresses that a caller put into the path
or into User-Agent are masked, and its query is left out.
"""

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.semconv.attributes import (
    client_attributes,
    error_attributes,
    http_attributes,
    network_attributes,
    server_attributes,
    url_attributes,
    user_agent_attributes,
)
from opentelemetry.trace import Span, Status, StatusCode

from mail_api.exchange import KNOWN_METHODS, Exchange
from mail_telemetry.masking import mask_text

_ERROR: Final = 500
_OTHER: Final = "_OTHER"
_LONGEST: Final = 256
"""Characters of what a caller may make as long as he likes."""
_LOOKED_AT: Final = 1024
"""More, so that an address that lies across the cut is masked as one; not all, since looking takes time."""

Headers = Mapping[bytes, bytes]


def of_request(scope: Mapping[str, Any], headers: Headers) -> dict[str, str | int]:
    """Return what is known before the request is answered."""
    method = scope["method"]
    said: dict[str, str | int] = {
        http_attributes.HTTP_REQUEST_METHOD: method if method in KNOWN_METHODS else _OTHER,
        url_attributes.URL_SCHEME: scope["scheme"],
        url_attributes.URL_PATH: _masked(scope["path"]),
        network_attributes.NETWORK_PROTOCOL_VERSION: scope["http_version"],
    }
    if method not in KNOWN_METHODS:
        said[http_attributes.HTTP_REQUEST_METHOD_ORIGINAL] = _masked(method)
    if scope["query_string"]:
        said[url_attributes.URL_QUERY] = "REDACTED"
    if (agent := headers.get(b"user-agent")) is not None:
        said[user_agent_attributes.USER_AGENT_ORIGINAL] = _masked(agent.decode("latin-1"))
    if client := scope.get("client"):
        said[client_attributes.CLIENT_ADDRESS] = client[0]
    if server := scope.get("server"):
        said[server_attributes.SERVER_ADDRESS] = server[0]
        if server[1] is not None:
            said[server_attributes.SERVER_PORT] = server[1]
    return said


def answered(span: Span, done: Exchange) -> None:
    """Add how it was answered, and name the span by what was asked: `POST /send`."""
    name = done.method if done.method in KNOWN_METHODS else "HTTP"
    if done.is_routed:
        span.set_attribute(http_attributes.HTTP_ROUTE, done.route)
        name = f"{name} {done.route}"
    span.update_name(name)
    if done.status:
        span.set_attribute(http_attributes.HTTP_RESPONSE_STATUS_CODE, done.status)
    if done.status >= _ERROR:
        fail(span, str(done.status))


def fail(span: Span, why: str) -> None:
    """Mark the span as failed: with a status of 5xx, or the name of an exception. What is said already stays."""
    if error_attributes.ERROR_TYPE not in (getattr(span, "attributes", None) or {}):
        span.set_attribute(error_attributes.ERROR_TYPE, why)
    span.set_status(Status(StatusCode.ERROR))


def _masked(text: str) -> str:
    text = text[:_LOOKED_AT]
    return (mask_text(text) if "@" in text else text)[:_LONGEST]
