"""What every request to send passes before a mail is made of it: the cheapest check first."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from loguru import logger
from starlette.requests import Request

from mail_api import forms
from mail_api.addresses import Mailbox
from mail_api.admission import Admission
from mail_api.body import read_payload
from mail_api.books import HEADER, Repeatable, repeatable
from mail_api.callers import Callers
from mail_api.clients import Clients
from mail_api.errors import (
    KeyInvalid,
    KeyUnverifiable,
    OriginNotAllowed,
    RecipientNotAllowed,
    RedirectNotAllowed,
    SenderNotAllowed,
)
from mail_api.people import People
from mail_api.rates import Rates
from mail_api.schemas import Limits, SendRequest, parse_send_request
from mail_ledger.api_key import ApiKey


@dataclass(frozen=True, slots=True)
class Received:
    """A request that may be sent, and the page to show afterwards, if the caller is a form that names one."""

    request: SendRequest
    redirect: str | None = None
    caller: ApiKey | None = None
    sender: Mailbox | None = None
    """Who stands in From, where the caller's key may choose."""
    once: Repeatable | None = None


class Reception:
    """Receives requests. Without a key one can only write to the owner, from the owner's sites."""

    def __init__(  # noqa: PLR0913 - the rules, by name
        self,
        *,
        callers: Callers,
        admission: Admission,
        clients: Clients,
        rates: Rates,
        people: People,
        limits: Limits,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._callers = callers
        self._admission = admission
        self._clients = clients
        self._rates = rates
        self._people = people
        self._limits = limits
        self._now = now
        self._warned_about: set[str] = set()

    async def receive(self, request: Request) -> Received:
        """Return what the caller wants to send, which is allowed.

        Raises:
            Situation: it is not, or can't be read.
        """
        caller, doubt = await self._caller(request)
        payload = await read_payload(request, self._limits.request_bytes, self._limits.seconds)
        self._people.check(payload, self._now())
        redirect = self._redirect(request, payload.get("redirect"))
        asked = parse_send_request(payload, self._limits)
        with _said_of_the_key(doubt):
            asked = self._admission.admit(asked, anybody=caller is not None)
        once = repeatable(request.headers.get(HEADER), caller, asked)
        sender = _sender(asked, caller)
        if sender is not None:
            asked = asked.model_copy(update={"from_": None})  # it stands in From, so not in Reply-To
        return Received(asked, redirect, caller, sender, once)

    async def _caller(self, request: Request) -> tuple[ApiKey | None, KeyUnverifiable | None]:
        """Return who calls; whose key can't be checked may do what everybody may."""
        doubt = None
        try:
            caller = await self._callers.identify(request.scope)
        except KeyInvalid:
            await self._rates.check(self._client(request))  # or guessing would cost nothing
            raise
        except KeyUnverifiable as problem:
            caller, doubt = None, problem
        if caller is not None:
            await self._callers.count(caller)
            return caller, None
        with _said_of_the_key(doubt):
            self._admission.check_origin(request.headers.getlist("origin"))
        await self._rates.check(self._client(request))
        return None, doubt

    def _redirect(self, request: Request, wanted: object) -> str | None:
        if wanted in (None, "") or forms.media_type_of(request.headers) not in forms.MEDIA_TYPES:
            return None
        if not isinstance(wanted, str) or not self._admission.allows_page(wanted):
            raise RedirectNotAllowed
        return None if forms.wants_json(request.headers) else wanted

    def _client(self, request: Request) -> str:
        peer = request.client.host if request.client else "unknown"
        forwarded_for = request.headers.getlist("x-forwarded-for")
        if forwarded_for and not self._clients.trusts(peer) and not self._warned_about:
            self._warned_about.add(peer)
            logger.warning(
                "X-Forwarded-For from {} is ignored, so all who come through it share one RATE_LIMIT; "
                "if it is your proxy, name it in TRUSTED_PROXIES",
                peer,
            )
        return self._clients.address(peer, forwarded_for)


@contextmanager
def _said_of_the_key(doubt: KeyUnverifiable | None) -> Iterator[None]:
    """Refuse for the key's sake what only a key would have allowed."""
    try:
        yield
    except (OriginNotAllowed, RecipientNotAllowed):
        if doubt is None:
            raise
        raise doubt from None


def _sender(asked: SendRequest, caller: ApiKey | None) -> Mailbox | None:
    """Return who stands in From: who writes, where the key has senders of its own, else nobody but DEFAULT_FROM."""
    if caller is None or not caller.allowed_senders or asked.from_ is None:
        return None
    if not caller.allows_sender(asked.from_.address):
        raise SenderNotAllowed
    return Mailbox(asked.from_.address, asked.from_.name or asked.from_name or "")
