"""Who may send what: pure rules over addresses and origins, made once from the settings."""

import re
from dataclasses import dataclass
from typing import Final

from mail_api.errors import InvalidRequest, OriginNotAllowed, RecipientNotAllowed
from mail_telemetry.masking import domain_of

# A serialised origin (RFC 6454 section 6.2). `null`, which sandboxed pages send, is none and so never allowed.
_ORIGIN: Final = re.compile(r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(?P<port>\d{1,5}))?")
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

    def recipient(self, wanted: str | None) -> str:
        """Return the recipient: the wanted one, or DEFAULT_TO when the request named none.

        Raises:
            InvalidRequest: none was named and there is no default.
            RecipientNotAllowed: ALLOWED_RECIPIENTS holds neither the address nor its domain.
        """
        if wanted is None:
            if self.default_to is None:
                raise InvalidRequest((("to", "is required"),))
            return self.default_to
        if not self.recipients & {wanted.lower(), domain_of(wanted)}:
            raise RecipientNotAllowed(wanted)
        return wanted

    def check_origin(self, origins: list[str]) -> None:
        """Accept a request without an Origin header (no browser sent it), or with exactly one allowed origin.

        Raises:
            OriginNotAllowed: any other origin; an unreadable or empty one counts as foreign.
        """
        if origins and not (len(origins) == 1 and self.allows_origin(origins[0])):
            raise OriginNotAllowed(origins[0])

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
