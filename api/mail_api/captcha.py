"""Captcha verification: asks Cloudflare Turnstile or hCaptcha whether the token of a request is valid.

    POST siteverify  secret=…&response=TOKEN  ──▶  {"success": true, "hostname": "www.example.org"}

Both providers have the same protocol, in which a token is valid once and for some minutes:
https://developers.cloudflare.com/turnstile/get-started/server-side-validation/ and https://docs.hcaptcha.com/
"""

import asyncio
import json
import ssl
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import cache
from typing import Any, Final, NamedTuple

import httpx2
from loguru import logger

from mail_api.errors import ApiError, CaptchaFailed, CaptchaMissing, CaptchaUnavailable


class Provider(NamedTuple):
    """A captcha provider: the form field in which its widget puts the token, and where the token is verified."""

    name: str
    field: str
    url: str


TURNSTILE: Final = Provider(
    "turnstile", "cf-turnstile-response", "https://challenges.cloudflare.com/turnstile/v0/siteverify"
)
HCAPTCHA: Final = Provider("hcaptcha", "h-captcha-response", "https://api.hcaptcha.com/siteverify")

# Names that the providers' documentation gives for the token in a form, 2026-11.
TOKEN_FIELDS: Final = frozenset(
    {
        "altcha",
        "cf-turnstile-response",
        "frc-captcha-response",
        "frc-captcha-solution",
        "g-recaptcha-response",
        "h-captcha-response",
        "mcaptcha__token",
        "mtcaptcha-verifiedtoken",
        "smart-token",
    }
)
"""Fields of captcha services: ALTCHA, Turnstile, Friendly Captcha, reCAPTCHA, hCaptcha, mCaptcha, MTCaptcha, Yandex."""

# Errors in the token. All other error codes are about our secret key, the request or the provider.
_TOKEN_ERRORS: Final = frozenset(
    {
        "missing-input-response",
        "invalid-input-response",
        "timeout-or-duplicate",
        "expired-input-response",
        "already-seen-response",
        "invalid-or-already-seen-response",
    }
)
_LONGEST_TOKEN: Final = 10_000
"""Characters. A token of Turnstile has 2048 at most, those of hCaptcha have some thousand."""
_LONGEST_ANSWER: Final = 64_000
_MOST_CONNECTIONS: Final = 20
_REMEMBERED_SECONDS: Final = 300.0
"""How long a passed verification is remembered: as long as a token of Turnstile is valid."""
_MOST_REMEMBERED: Final = 1_000
_SERVER_ERROR: Final = 500


class Result(StrEnum):
    """The result of a verification, as in its metric."""

    PASSED = "passed"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"


class CaptchaToken(NamedTuple):
    """The token of a request."""

    provider: str
    token: str


class _NotVerifiable(Exception):
    """The provider returned no verdict about the token."""


class SiteVerify:
    """Verifies the tokens of one provider.

    Args:
        client: sends the requests.
        provider: the provider.
        secret: the secret key of the site.
    """

    def __init__(self, client: httpx2.AsyncClient, provider: Provider, secret: str) -> None:
        self.provider = provider
        self._client = client
        self._secret = secret

    async def hostname(self, token: str) -> str:
        """Return the host name of the page on which the token was made.

        Raises:
            CaptchaFailed: the token is not valid.
            _NotVerifiable: the provider did not answer, or its answer is not about the token.
        """
        if len(token) > _LONGEST_TOKEN:
            raise CaptchaFailed
        try:
            status, body = await self._post(token)
        except httpx2.HTTPError as error:
            raise _NotVerifiable(type(error).__name__) from None
        answer = _parsed(status, body)
        if answer["success"]:
            return str(answer.get("hostname") or "")
        codes = answer.get("error-codes") or []
        others = [str(code)[:60] for code in codes if code not in _TOKEN_ERRORS] if isinstance(codes, list) else ["?"]
        if others:
            raise _NotVerifiable(f"error code {others[0]}")
        raise CaptchaFailed

    async def _post(self, token: str) -> tuple[int, bytes]:
        body = bytearray()
        data = {"secret": self._secret, "response": token}
        async with self._client.stream("POST", self.provider.url, data=data) as response:
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > _LONGEST_ANSWER:
                    raise _NotVerifiable("the answer is too long")
        return response.status_code, bytes(body)


def _parsed(status: int, body: bytes) -> Mapping[str, Any]:
    if status >= _SERVER_ERROR:
        raise _NotVerifiable(f"HTTP status {status}")
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict) or not isinstance(answer.get("success"), bool):
        raise _NotVerifiable(f"HTTP status {status}, and the body is not the JSON of siteverify")
    return answer


@cache
def _tls() -> ssl.SSLContext:
    """Return the TLS settings of all clients: loading the CA certificates takes as long as some requests."""
    return httpx2.create_ssl_context()


class Captcha:
    """Checks the captcha token of requests, where a provider is set up.

    Args:
        providers: the providers that are set up, each with its secret.
        seconds: CAPTCHA_TIMEOUT_SECONDS.
        fail_open: CAPTCHA_FAIL_OPEN.
        count: counts a verification, by the provider's name and its result.
    """

    def __init__(
        self,
        providers: Iterable[tuple[Provider, str]],
        *,
        seconds: float,
        fail_open: bool,
        count: Callable[[str, Result], None],
    ) -> None:
        self._seconds = seconds
        self._fail_open = fail_open
        self._count = count
        known = list(providers)
        limits = httpx2.Limits(max_connections=_MOST_CONNECTIONS)
        self._client = httpx2.AsyncClient(timeout=seconds, limits=limits, verify=_tls()) if known else None
        self._verifiers = (
            {provider.name: SiteVerify(self._client, provider, secret) for provider, secret in known}
            if self._client
            else {}
        )
        self._unavailable: set[str] = set()
        self._verifications: OrderedDict[str, tuple[asyncio.Task[None], float]] = OrderedDict()

    @property
    def is_on(self) -> bool:
        """Whether a provider is set up."""
        return bool(self._verifiers)

    def token(self, payload: Mapping[str, Any]) -> CaptchaToken | None:
        """Return the token in the fields of a request, or None where there is none of a provider that is set up."""
        for name, verifier in self._verifiers.items():
            found = payload.get(verifier.provider.field)
            if isinstance(found, str) and found.strip():
                return CaptchaToken(name, found.strip())
        return None

    async def check(
        self, token: CaptchaToken | None, allows_host: Callable[[str], bool], repetition: str | None = None
    ) -> None:
        """Verify the token of a request.

        Args:
            token: the request's token.
            allows_host: returns whether a page of this host may send the request.
            repetition: identifies the request and its repetitions; None: it cannot be repeated. While its token is
                verified, and for a short time after it passed, a repetition is not verified again.

        Raises:
            CaptchaMissing: the request has no token.
            CaptchaFailed: the token is not valid, or was made on a page of another site.
            CaptchaUnavailable: the provider gave no valid answer, and CAPTCHA_FAIL_OPEN is not set.
        """
        if token is None:
            raise CaptchaMissing(tuple(verifier.provider.field for verifier in self._verifiers.values()))
        if repetition is None:
            await self._verify(token, allows_host)
            return
        verification = self._remembered(repetition)
        if verification is None:
            verification = asyncio.create_task(self._verify(token, allows_host))
            self._remember(repetition, verification)
        try:
            # If the caller closes the connection, the verification must continue for its repeated request.
            await asyncio.shield(verification)
        except ApiError:
            self._verifications.pop(repetition, None)
            raise

    async def close(self) -> None:
        """Close the connections to the providers."""
        for verification, _ in self._verifications.values():
            verification.cancel()
        if self._client is not None:
            await self._client.aclose()

    async def _verify(self, token: CaptchaToken, allows_host: Callable[[str], bool]) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await self._check_token(token, allows_host)
        except CaptchaFailed:
            self._count(token.provider, Result.FAILED)
            self._log_change(token.provider, None)
            raise
        except (_NotVerifiable, TimeoutError) as problem:
            self._count(token.provider, Result.UNAVAILABLE)
            self._log_change(token.provider, str(problem) or "no answer in time")
            if not self._fail_open:
                raise CaptchaUnavailable from None
        else:
            self._count(token.provider, Result.PASSED)
            self._log_change(token.provider, None)

    async def _check_token(self, token: CaptchaToken, allows_host: Callable[[str], bool]) -> None:
        host = await self._verifiers[token.provider].hostname(token.token)
        if not allows_host(host):
            raise CaptchaFailed(host)

    def _remembered(self, repetition: str) -> asyncio.Task[None] | None:
        verification, begun = self._verifications.get(repetition, (None, 0.0))
        return verification if time.monotonic() - begun < _REMEMBERED_SECONDS else None

    def _remember(self, repetition: str, verification: asyncio.Task[None]) -> None:
        # Read the result here too: a caller that closed the connection does not.
        verification.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        self._verifications[repetition] = verification, time.monotonic()
        self._verifications.move_to_end(repetition)
        if len(self._verifications) > _MOST_REMEMBERED:
            self._verifications.popitem(last=False)

    def _log_change(self, provider: str, reason: str | None) -> None:
        if reason is not None and provider not in self._unavailable:
            self._unavailable.add(provider)
            effect = "mails are sent without it" if self._fail_open else "requests without an API key are answered 503"
            logger.bind(provider=provider, reason=reason).error("captcha cannot be verified; {}", effect)
        elif reason is None and provider in self._unavailable:
            self._unavailable.discard(provider)
            logger.bind(provider=provider).info("captcha can be verified again")
