"""Access rules for callers without an API key: allowed recipients and sites, CORS."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mail_api.addresses import Mailbox
from mail_api.errors import InvalidRequest, OriginNotAllowed, RecipientNotAllowed
from mail_api.responses import error_response
from mail_api.schemas import SendRequest
from mail_telemetry.masking import domain_of

# A serialised origin (RFC 6454 section 6.2). `null`, which sandboxed pages send, does not match and is never allowed.
_ORIGIN: Final = re.compile(r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(?P<port>\d{1,5}))?")
_SITE_HOST: Final = re.compile(r"^https?://|:\d{1,5}$")
# No backslash, user, blank or control character, which browsers read in their own way.
_PAGE: Final = re.compile(r"(?P<origin>[^/?#\\@\s]+//[^/?#\\@\s]+)(?:[/?#][!-\[\]-~]*)?")


@dataclass(frozen=True, slots=True)
class AccessRules:
    """Recipients that callers without a key may write to, and sites whose pages may call."""

    recipients: frozenset[str]
    sites: frozenset[str]
    default_to: str | None = None

    @classmethod
    def of(cls, recipients: Iterable[str], sites: Iterable[str], default_to: str | None) -> "AccessRules":
        """Return the rules of ALLOWED_RECIPIENTS, ALLOWED_HOSTS and DEFAULT_TO; the last is always allowed."""
        allowed = frozenset(entry.lower() for entry in (*recipients, default_to) if entry)
        return cls(recipients=allowed, sites=frozenset(sites), default_to=default_to)

    def with_sites(self, sites: Iterable[str]) -> "AccessRules":
        """Return the rules with these sites in addition to those of ALLOWED_HOSTS."""
        return replace(self, sites=self.sites | frozenset(sites))

    def with_recipients(self, mailboxes: Iterable[Mailbox]) -> "AccessRules":
        """Return the rules with these recipients in addition to ALLOWED_RECIPIENTS."""
        return replace(self, recipients=self.recipients | {mailbox.address.lower() for mailbox in mailboxes})

    def check_recipients(self, request: SendRequest) -> None:
        """Accept a request whose recipients are all allowed.

        Raises:
            RecipientNotAllowed: ALLOWED_RECIPIENTS holds neither a recipient's address nor its domain.
        """
        for field in ("to", "cc", "bcc"):
            if not all(self.allows_recipient(mailbox.address) for mailbox in getattr(request, field)):
                raise RecipientNotAllowed(field)

    def with_default_to(self, request: SendRequest) -> SendRequest:
        """Return the request, addressed to DEFAULT_TO when `to` is absent.

        Raises:
            InvalidRequest: there is no DEFAULT_TO.
        """
        if request.to:
            return request
        if self.default_to is None:
            raise InvalidRequest((("to", "is required"),))
        return request.model_copy(update={"to": (Mailbox(self.default_to),)})

    def allows_recipient(self, address: str) -> bool:
        """Return whether the address or its domain is listed."""
        return bool(self.recipients & {address.lower(), domain_of(address)})

    def check_origin(self, origins: list[str]) -> None:
        """Accept a request without an Origin header (no browser sent it), or with exactly one allowed origin.

        Raises:
            OriginNotAllowed: any other origin, also one that is empty or not readable.
        """
        if origins and not (len(origins) == 1 and self.allows_origin(origins[0])):
            raise OriginNotAllowed

    def allows_page(self, url: str) -> bool:
        """Return whether the URL is a page of an allowed site."""
        found = _PAGE.fullmatch(url)
        return found is not None and self.allows_origin(found["origin"])

    def allows_origin(self, origin: str) -> bool:
        """Return whether ALLOWED_HOSTS has the origin, its host with or without port, or a parent as `*.parent`."""
        found = _ORIGIN.fullmatch(origin.lower())
        if not found:
            return False
        host, port = found["host"], found["port"]
        names = {found[0], host, f"{host}:{port}"}
        return bool(self.sites & names) or any(f"*.{parent}" in self.sites for parent in _parents(host))

    def allows_host(self, host: str) -> bool:
        """Return whether pages of this host may call, over any scheme or port."""
        name = host.lower()
        return name in self._hosts or any(f"*.{parent}" in self._hosts for parent in _parents(name))

    @property
    def _hosts(self) -> frozenset[str]:
        """The hosts of `sites`, without scheme and port."""
        return frozenset(_SITE_HOST.sub("", site) for site in self.sites)


def _parents(host: str) -> list[str]:
    labels = host.split(".")
    return [".".join(labels[start:]) for start in range(1, len(labels))]


class AllowedHostsCORS(CORSMiddleware):
    """Lets pages of ALLOWED_HOSTS read the API's answers (Fetch standard, CORS).

    Only browsers obey CORS. For all others `AccessRules.check_origin` applies the same rule.
    """

    def __init__(self, app: ASGIApp, rules: AccessRules) -> None:
        super().__init__(
            app,
            allow_methods=("*",),  # so that a wrong method gets the API's own answer
            allow_headers=("*",),  # error-tracking scripts add headers of their own to every request
            allow_private_network=True,
            expose_headers=("Idempotent-Replayed", "Retry-After", "X-Request-ID"),
        )
        self._rules = rules

    def is_allowed_origin(self, origin: str) -> bool:
        """Return whether the origin is one of ALLOWED_HOSTS."""
        return self._rules.allows_origin(origin)

    def preflight_response(self, request_headers: Headers) -> Response:
        """Return the answer to a preflight request; a site that is not allowed gets the API's own error."""
        if not self.is_allowed_origin(request_headers["origin"]):
            response = error_response(OriginNotAllowed())
            response.headers["Vary"] = "Origin"
            return response
        return super().preflight_response(request_headers)


class CORSByPath:
    """CORS by the rules of a path: forms may have sites of their own, all other paths have ALLOWED_HOSTS."""

    def __init__(self, app: ASGIApp, rules: AccessRules, by_path: Mapping[str, AccessRules]) -> None:
        self._usual = AllowedHostsCORS(app, rules)
        self._by_path = {path: AllowedHostsCORS(app, own) for path, own in by_path.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on through the rules of its path."""
        await self._by_path.get(scope.get("path", ""), self._usual)(scope, receive, send)
