"""One e-mail address or domain, checked and normalised; the only place that knows email-validator."""

from typing import Final

from email_validator import EmailNotValidError, validate_email

# email-validator refuses .local outright (RFC 6762), yet home servers live there (Dinky's own alerts come from
# alerts@dinky.local). Behind this suffix the library applies every other rule to such a domain.
_LOCAL_NETWORK: Final = ".local"
_SUFFIX: Final = ".example"


def parse_address(text: str) -> str:
    """Return the bare address in ASCII, its domain in lower case and in IDNA form; spaces around it are dropped.

    No DNS is asked. Display names, angle brackets, lists, quoted local parts and non-ASCII local parts are refused.

    Raises:
        ValueError: the text is no such address; the message does not repeat it.
    """
    stripped = text.strip(" ")
    suffix = _SUFFIX if stripped.lower().endswith(_LOCAL_NETWORK) else ""
    try:
        found = validate_email(
            stripped + suffix, allow_smtputf8=False, check_deliverability=False, strict=True, test_environment=True
        )
    except EmailNotValidError as problem:
        raise ValueError(str(problem).rstrip(".")) from None
    return str(found.ascii_email).removesuffix(suffix)


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
    """Return whichever of the two the text is, normalised.

    Raises:
        ValueError: it is neither.
    """
    return parse_address(text) if "@" in text else parse_domain(text)
