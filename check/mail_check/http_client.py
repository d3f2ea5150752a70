"""HTTP requests with a time limit, for the checks of services and monitoring."""

import json
import ssl
from base64 import b64encode
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from mail_check.results import error_text


class HttpResponse(NamedTuple):
    """Status and body of a response."""

    status: int
    text: str

    def json(self) -> Any:  # noqa: ANN401 - any JSON
        """Return the JSON of the body.

        Raises:
            ValueError: the body is not JSON.
        """
        return json.loads(self.text)


class HttpUnreachable(OSError):
    """No HTTP response from a URL; `timed_out` when the server may exist but did not answer in time."""

    def __init__(self, url: str, reason: str, *, timed_out: bool = False) -> None:
        super().__init__(f"{url}: {reason}")
        self.timed_out = timed_out


def get(url: str, timeout: float) -> HttpResponse:
    """Send a GET request and return the response, whatever its status.

    Raises:
        HttpUnreachable: there was no response, or the URL is not one.
    """
    return _send(_request(url, None, {}), timeout)


def post(
    url: str, body: bytes, headers: Mapping[str, str], timeout: float, tls: ssl.SSLContext | None = None
) -> HttpResponse:
    """Send a POST request and return the response, whatever its status.

    Raises:
        HttpUnreachable: there was no response, or the URL is not one.
    """
    return _send(_request(url, body, headers), timeout, tls)


def _send(request: Request, timeout: float, tls: ssl.SSLContext | None = None) -> HttpResponse:
    url = without_secrets(request.full_url)
    try:
        with urlopen(request, timeout=timeout, context=tls) as response:  # noqa: S310 - scheme checked in _request
            return HttpResponse(response.status, response.read().decode("utf-8", "replace"))
    except HTTPError as error:
        with error:
            return HttpResponse(error.code, error.read().decode("utf-8", "replace"))
    except (OSError, HTTPException) as error:
        cause = getattr(error, "reason", error)  # urllib wraps errors that occur before the response
        reason = error_text(cause) if isinstance(cause, Exception) else str(cause)
        raise HttpUnreachable(url, reason, timed_out=isinstance(cause, TimeoutError)) from error


def without_secrets(url: str) -> str:
    """Return the URL without user name, password and query."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def _request(url: str, body: bytes | None, headers: Mapping[str, str]) -> Request:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise HttpUnreachable(without_secrets(url), "not an http:// URL")
    user, at, place = parts.netloc.rpartition("@")
    # urllib would treat the text before the @ as a part of the host name.
    login = {"Authorization": f"Basic {b64encode(unquote(user).encode()).decode()}"} if at else {}
    return Request(parts._replace(netloc=place).geturl(), body, {**login, **headers})  # noqa: S310 - scheme checked above
