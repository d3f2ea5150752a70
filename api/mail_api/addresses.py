"""Checks and normalises e-mail addresses, mailboxes and domains, by email-validator."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from email_validator import EmailNotValidError, validate_email
from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES

LONGEST_MAILBOX: Final = 1_000
"""Characters of an address with its name."""

# email-validator refuses .local outright (RFC 6762), yet home servers live there (Dinky's own alerts come from
# alerts@dinky.local). Behind this suffix the library applies every other rule to such a domain.
_LOCAL_NETWORK: Final = ".local"
_SUFFIX: Final = ".example"

# Addresses of which only the domain needs a check: within all limits, and without a character that needs a look-up.
_PLAIN: Final = re.compile(
    r"(?=[^@]{1,64}@)(?P<local>[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*)@(?P<domain>[A-Za-z0-9.-]{1,150})"
)

# Jane Doe <jane@example.org>      "Doe, Jane" <jane@example.org>
_NAMED: Final = re.compile(r'(?P<name>"(?:[^"\\]|\\.)+"|[^\s"<>@,;:()\\][^"<>@,;:()\\]*) ?<(?P<address>[^<>]*)>')


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address, and the name of its owner, if known."""

    address: str
    name: str = ""


def parse_address(text: str, *, international: bool = False) -> str:
    """Return the bare address, its domain in lower case and in IDNA form; spaces around it are dropped.

    No DNS is asked. Display names, angle brackets, lists and quoted local parts are refused, and non-ASCII local
    parts (RFC 6531) unless `international`.

    Raises:
        ValueError: the text is no such address; the message does not repeat it.
    """
    stripped = text.strip(" ")
    plain = _PLAIN.fullmatch(stripped)
    if plain and plain["local"].lower() not in CASE_INSENSITIVE_MAILBOX_NAMES:  # which the library writes in lower case
        return f"{plain['local']}@{_domain(plain['domain'])}"
    return _checked(stripped, international=international)


@lru_cache(maxsize=1024)  # most addresses are at the same few providers
def _domain(text: str) -> str:
    return _checked(f"a@{text}", international=False).partition("@")[2]


def _checked(stripped: str, *, international: bool) -> str:
    suffix = _SUFFIX if stripped.lower().endswith(_LOCAL_NETWORK) else ""
    try:
        found = validate_email(
            stripped + suffix,
            allow_smtputf8=international,
            check_deliverability=False,
            strict=True,
            test_environment=True,
        )
    except EmailNotValidError as problem:
        raise ValueError(str(problem).rstrip(".")) from None
    return f"{found.local_part}@{found.ascii_domain}".removesuffix(suffix)


def parse_mailbox(text: str) -> Mailbox:
    """Return the mailbox that `anna@example.org` or `Anna <anna@example.org>` stands for; one, never a list.

    A name that holds a comma or another mark of RFC 5322 must stand in double quotes.

    Raises:
        ValueError: the text is neither; the message does not repeat it.
    """
    if len(text) > LONGEST_MAILBOX:
        raise ValueError(f"has more than {LONGEST_MAILBOX} characters")
    found = _NAMED.fullmatch(text.strip(" "))
    if not found:
        return Mailbox(parse_address(text, international=True))
    name = found["name"]
    if name.startswith('"'):
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return Mailbox(parse_address(found["address"], international=True), name.strip())


def parse_domain(text: str) -> str:
    """Return the mail domain in ASCII and lower case.

    Raises:
        ValueError: the text is not a domain with at least one dot.
    """
    try:
        return parse_address(f"postmaster@{text.strip(' ')}").partition("@")[2]
    except ValueError:
        raise ValueError("is not a domain name") from None


def parse_address_or_domain(text: str) -> str:
    """Return the address or domain, normalised.

    Raises:
        ValueError: it is neither.
    """
    return parse_address(text) if "@" in text else parse_domain(text)
