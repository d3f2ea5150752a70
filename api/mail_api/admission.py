"""Who may write to whom, and from which site: pure rules, made once from the settings."""

import re
from dataclasses import dataclass
from typing import Final

from mail_api.addresses import Mailbox
from mail_api.errors import InvalidRequest, OriginNotAllowed, RecipientNotAllowed
from mail_api.schemas import SendRequest
from mail_telemetry.masking import domain_of

# A serialised origin (RFC 6454 section 6.2). `null`, which sandboxed pages send, is none and so never allowed.
_ORIGIN: Final = re.compile(r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(?P<port>\d{1,5}))?")
# No backslash, user, blank or control character, which browsers read in their own way.
_PAGE: Final = re.compile(r"(?P<origin>[^/?#\\@\s]+//[^/?#\\@\s]+)(?:[/?#][!-\[\]-~]*)?")
_SITE: Final = re.compile(r"(?:https?://)?(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?|\*\.[a-z0-9.-]+")


def parse_site(text: str) -> str:
    """Return one entry of ALLOWED_HOSTS in lower case, without a closing slash.

    Raises:
        ValueError: it is neither a host, `*.host`, `host:port` nor an origin.
    """
    site = text.strip().lower().removesuffix("/")
    if site == "*":
        raise ValueError("`*` would let every website send through this server; list your own sites")
    if not _SITE.fullmatch(site):
        raise ValueError("holds an entry that is neither a host nor an origin")
    return site


@dataclass(frozen=True, slots=True)
class Admission:
    """What callers without a key may do: write to the owner, from the owner's sites."""

    recipients: frozenset[str]
    sites: frozenset[str]
    default_to: str | None = None

    def admit(self, request: SendRequest, *, anybody: bool = False) -> SendRequest:
        """Return the request, addressed to DEFAULT_TO when it names nobody in `to`.

        Args:
            request: who is written to.
            anybody: the caller may write to anybody.

        Raises:
            InvalidRequest: it names nobody and there is no default.
            RecipientNotAllowed: ALLOWED_RECIPIENTS holds neither a recipient's address nor its domain.
        """
        for field in () if anybody else ("to", "cc", "bcc"):
            if not all(self.allows_recipient(mailbox.address) for mailbox in getattr(request, field)):
                raise RecipientNotAllowed(field)
        if request.to:
            return request
        if self.default_to is None:
            raise InvalidRequest((("to", "is required"),))
        return request.model_copy(update={"to": (Mailbox(self.default_to),)})

    def allows_recipient(self, address: str) -> bool:
        """Tell whether the address or its domain is listed."""
        return bool(self.recipients & {address.lower(), domain_of(address)})

    def check_origin(self, origins: list[str]) -> None:
        """Accept a request without an Origin header (no browser sent it), or with exactly one allowed origin.

        Raises:
            OriginNotAllowed: any other origin; an unreadable or empty one counts as foreign.
        """
        if origins and not (len(origins) == 1 and self.allows_origin(origins[0])):
            raise OriginNotAllowed

    def allows_page(self, url: str) -> bool:
        """Tell whether the URL, which a visitor is to be sent to, names a page of an allowed site."""
        found = _PAGE.fullmatch(url)
        return found is not None and self.allows_origin(found["origin"])

    def allows_origin(self, origin: str) -> bool:
        """Tell whether ALLOWED_HOSTS names the origin, its host with or without port, or a parent as `*.parent`."""
        found = _ORIGIN.fullmatch(origin.lower())
        if not found:
            return False
        host, port = found["host"], found["port"]
        names = {found[0], host, f"{host}:{port}"}
        return bool(self.sites & names) or any(f"*.{parent}" in self.sites for parent in _parents(host))


def _parents(host: str) -> list[str]:
    labels = host.split(".")
    return [".".join(labels[start:]) for start in range(1, len(labels))]


def admission(recipients: tuple[str, ...], sites: tuple[str, ...], default_to: str | None) -> Admission:
    """Return the rules; DEFAULT_TO is an allowed recipient whatever ALLOWED_RECIPIENTS says."""
    allowed = frozenset(entry.lower() for entry in (*recipients, default_to) if entry)
    return Admission(recipients=allowed, sites=frozenset(sites), default_to=default_to)
