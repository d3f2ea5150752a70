"""Checks and normalises e-mail addresses, mailboxes and domains, by email-validator.

`parse_address` is for settings and takes a bare address. `parse_mailbox` is for requests: it also takes what people
type and paste, where the meaning is certain.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from email_validator import EmailNotValidError, validate_email
from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES

from mail_api.invisible import without_invisible

LONGEST_MAILBOX: Final = 1_000
"""Characters of an address with its name."""
_FORMS: Final = 'must be one address: anna@example.org, Anna Lee <anna@example.org> or "Lee (Anna)" <anna@example.org>'

# email-validator refuses .local (RFC 6762), but home servers use it (Dinky's own alerts come from alerts@dinky.local).
# With this suffix appended, the library applies all its other rules to such a domain.
_LOCAL_NETWORK: Final = ".local"
_SUFFIX: Final = ".example"

# Common addresses, for which only the domain needs a check: within all limits, and without special characters.
_PLAIN: Final = re.compile(
    r"(?=[^@]{1,64}@)(?P<local>[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*)@(?P<domain>[A-Za-z0-9.-]{1,150})"
)

# Jane Doe <jane@example.org>      "Doe, Jane" <jane@example.org>      Doe, Jane <jane@example.org>
# RFC 5322 requires quotes for the last one, and otherwise reads two addresses. Without an @ before the comma it is one.
_NAMED: Final = re.compile(r'(?P<name>"(?:[^"\\]|\\.)+"|[^\s"<>@,;:()\\][^"<>@;:()\\]*) ?<(?P<address>[^<>]*)>')

_MAILTO: Final = "mailto:"
# The last four are typographic quotation marks.
_AROUND: Final = ("<>", "''", '""', "()", "[]", "\u201c\u201d", "\u201e\u201c", "\u2018\u2019", "\xab\xbb")
_WRONG_FORM: Final = re.compile(r"[<>()\[\]\",;]|@.*@")

# These carriers gave out addresses that RFC 5321 allows in quotes only: a..b@docomo.ne.jp, a.@ezweb.ne.jp.
_CARRIERS: Final = frozenset(
    {
        *("docomo.ne.jp", "ezweb.ne.jp", "au.com", "softbank.ne.jp", "i.softbank.jp", "disney.ne.jp", "vodafone.ne.jp"),
        *("ymobile.ne.jp", "ymobile1.ne.jp", "emnet.ne.jp", "willcom.com", "pdx.ne.jp", "uqmobile.jp"),
        *(f"{area}.vodafone.ne.jp" for area in "dhtcrknsq"),
        *(f"jp-{area}.ne.jp" for area in "dhtcrknsq"),
    }
)
_CARRIER_ADDRESS: Final = re.compile(
    r'(?P<quote>"?)(?P<local>[A-Za-z0-9!#$%&\'*+/=?^_`{|}~.-]{1,64})(?P=quote)@(?P<domain>\S+)'
)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address, and the name of its owner, if known."""

    address: str
    name: str = ""


def parse_address(text: str, *, international: bool = False) -> str:
    """Return the bare address, its domain in lower case and in IDNA form; spaces around it are dropped.

    No DNS lookup is made. Display names, angle brackets, lists and quoted local parts are refused, and non-ASCII
    local parts (RFC 6531) unless `international`.

    Raises:
        ValueError: the text is not such an address; the message does not repeat it.
    """
    stripped = text.strip(" ")
    plain = _PLAIN.fullmatch(stripped)
    if plain and plain["local"].lower() not in CASE_INSENSITIVE_MAILBOX_NAMES:  # the library writes these in lower case
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

    What people paste is repaired: invisible characters, `mailto:`, brackets or quotes around it, a full stop after it,
    and `Lee, Anna <anna@example.org>`. A name with another special character of RFC 5322 must be in double quotes.

    Raises:
        ValueError: the text is something else; the message says what to write, and does not repeat the text.
    """
    if len(text) > LONGEST_MAILBOX:
        raise ValueError(f"has more than {LONGEST_MAILBOX} characters")
    stripped = _unwrapped(text)
    found = _NAMED.fullmatch(stripped)
    if not found:
        return Mailbox(_typed_address(stripped))
    name = found["name"]
    if name.startswith('"'):
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return Mailbox(_typed_address(_unwrapped(found["address"])), _without_quotes(name.strip(" ,")))


def _unwrapped(text: str) -> str:
    """Return the text without what surrounds a pasted address."""
    text = " ".join(without_invisible(text).split())
    for _ in range(len(_AROUND)):  # one within another, as in <mailto:anna@example.org>
        before = text
        if text[: len(_MAILTO)].lower() == _MAILTO:
            text = text[len(_MAILTO) :].partition("?")[0].strip()  # without ?subject=...
        pair, inner = text[:1] + text[-1:], text[1:-1]
        if pair in _AROUND and not {*pair, '"', "<"} & set(inner):
            text = inner.strip()
        if text == before:
            break
    return text


def _without_quotes(name: str) -> str:
    return name[1:-1] if name[:1] + name[-1:] == "''" and "'" not in name[1:-1] else name


def _typed_address(text: str) -> str:
    text = text[:-1] if text.endswith((".", ",", ";")) else text
    found = _CARRIER_ADDRESS.fullmatch(text)
    if found and found["domain"].lower() in _CARRIERS and _needs_quotes(found["local"]):
        return f'"{found["local"]}"@{found["domain"].lower()}'
    try:
        return parse_address(text, international=True)
    except ValueError:
        if text.count("@") and _WRONG_FORM.search(text):
            raise ValueError(_FORMS) from None
        raise


def _needs_quotes(local: str) -> bool:
    return ".." in local or local.startswith(".") or local.endswith(".")


def parse_domain(text: str) -> str:
    """Return the mail domain in ASCII and lower case.

    Raises:
        ValueError: the text is not a domain with at least one dot.
    """
    try:
        return parse_address(f"postmaster@{text.strip(' ')}").partition("@")[2]
    except ValueError:
        raise ValueError("is not a domain name") from None


def parse_ascii_domain(text: str) -> str:
    """Return the mail domain in lower case, for a setting that the mail server reads too, which takes ASCII only.

    Raises:
        ValueError: the text is not a domain; for an international one the message has its ASCII form.
    """
    domain = parse_domain(text)
    if not text.isascii():
        raise ValueError(f"is an international name: write {domain}")
    return domain


def parse_ascii_address(text: str) -> str:
    """Return the bare address, for a setting that the mail server reads too, which takes ASCII only.

    Raises:
        ValueError: the text is not an address; for an international domain the message has its ASCII form.
    """
    address = parse_address(text)
    if not text.isascii():
        raise ValueError(f"has an international domain: write {address.rpartition('@')[2]}")
    return address


def parse_sender(text: str) -> str:
    """Return the mailbox of DEFAULT_FROM as `noreply@example.org` or `Website <noreply@example.org>`.

    Raises:
        ValueError: the text is neither, or its address is not ASCII.
    """
    if not text.isprintable():
        raise ValueError("must be one line without control characters")
    name, opened, rest = text.rpartition("<")
    if not opened:
        return parse_ascii_address(text)
    parse_ascii_address(rest.strip().removesuffix(">"))
    mailbox = parse_mailbox(text)
    return text.strip() if name.strip() else mailbox.address


def parse_address_or_domain(text: str) -> str:
    """Return the address or domain, normalised.

    Raises:
        ValueError: it is neither.
    """
    return parse_address(text) if "@" in text else parse_domain(text)
