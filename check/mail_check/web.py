"""HTTP requests within a time limit."""

import json
import ssl
from base64 import b64encode
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from mail_check.reason import reason


class Answer(NamedTuple):
    """What came back."""

    status: int
    text: str

    def json(self) -> Any:  # noqa: ANN401 - any JSON
        """Return the JSON in it.

        Raises:
            ValueError: it is none.
        """
        return json.loads(self.text)


class NoAnswer(OSError):
    """Nobody answers at a URL, or not with HTTP; `late` when time ran out, so that somebody may be there."""

    def __init__(self, url: str, reason: str, *, late: bool = False) -> None:
        super().__init__(f"{url}: {reason}")
        self.late = late


def get(url: str, timeout: float) -> Answer:
    """Return what a GET is answered, whatever its status.

    Raises:
        NoAnswer: nothing came, or it is no URL.
    """
    return _ask(_request(url, None, {}), timeout)


def post(
    url: str, body: bytes, headers: Mapping[str, str], timeout: float, tls: ssl.SSLContext | None = None
) -> Answer:
    """Return what a POST is answered, whatever its status.

    Raises:
        NoAnswer: nothing came, or it is no URL.
    """
    return _ask(_request(url, body, headers), timeout, tls)


def _ask(request: Request, timeout: float, tls: ssl.SSLContext | None = None) -> Answer:
    url = without_secrets(request.full_url)
    try:
        with urlopen(request, timeout=timeout, context=tls) as response:  # noqa: S310 - looked at in _request
            return Answer(response.status, response.read().decode("utf-8", "replace"))
    except HTTPError as error:
        with error:
            return Answer(error.code, error.read().decode("utf-8", "replace"))
    except (OSError, HTTPException) as error:
        cause = getattr(error, "reason", error)  # urllib wraps what happens before the answer
        told = reason(cause) if isinstance(cause, Exception) else str(cause)
        raise NoAnswer(url, told, late=isinstance(cause, TimeoutError)) from error


def without_secrets(url: str) -> str:
    """Return the URL without the user name and password that it may hold."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def _request(url: str, body: bytes | None, headers: Mapping[str, str]) -> Request:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise NoAnswer(without_secrets(url), "is no http:// URL")
    user, at, place = parts.netloc.rpartition("@")
    # urllib takes what stands before the @ for a part of the host's name.
    login = {"Authorization": f"Basic {b64encode(unquote(user).encode()).decode()}"} if at else {}
    return Request(parts._replace(netloc=place).geturl(), body, {**login, **headers})  # noqa: S310 - looked at above
