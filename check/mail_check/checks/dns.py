"""Check the DNS records of MAIL_DOMAIN and MAIL_HOSTNAME: MX, address, PTR, DKIM, DMARC."""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Final

from mail_check.dns_resolver import MailExchanger, Resolver
from mail_check.results import Result, failed, ok, warning
from mail_check.settings import MailSettings

DKIM_SELECTORS: Final = ("google", "default", "mail", "dkim", "s1", "k1", "selector1")
"""Selectors that are often used; DNS cannot list those that exist."""
DMARC_POLICIES: Final = ("none", "quarantine", "reject")
_DMARC_FEWEST_LABELS: Final = 2
_RESERVED: Final = (".example", ".test", ".invalid", ".localhost", ".local")
_EXAMPLES: Final = ("example.com", "example.net", "example.org")


def is_reserved(domain: str) -> bool:
    """Return whether the domain is reserved for tests (RFC 2606, RFC 6762), so that DNS has no records of it."""
    return domain.endswith(_RESERVED) or any(domain == one or domain.endswith(f".{one}") for one in _EXAMPLES)


def reserved(mail: MailSettings) -> Result:
    """Return the result for a reserved domain."""
    problem = f"{mail.domain} is a reserved name: DNS has no records of it, and no mail from outside can reach it"
    return warning(problem, "For production set MAIL_DOMAIN to a domain of your own.")


# MX, address, PTR


def check_mx(mail: MailSettings, resolver: Resolver) -> Result:
    """Check that mail for MAIL_DOMAIN arrives here, where FORWARD_EMAIL expects it.

    Raises:
        DnsLookupFailed: DNS does not answer.
    """
    found = resolver.mx(mail.domain)
    if not found and not resolver.exists(mail.domain):
        return failed(f"there is no domain {mail.domain} in DNS", "Correct MAIL_DOMAIN, or register the domain.")
    ours = frozenset(resolver.addresses(mail.hostname))
    of_mx = frozenset(address for one in found for address in resolver.addresses(one.host) if one.host)
    return mx_result(mail, found, is_ours=bool(ours & of_mx))


def mx_result(mail: MailSettings, found: Sequence[MailExchanger], *, is_ours: bool) -> Result:
    """Return the result for MX records; `is_ours`: one of them has the address of MAIL_HOSTNAME."""
    hosts = ", ".join(f"{one.preference} {one.host or '.'}" for one in found)
    if is_ours or mail.hostname in {one.host for one in found}:
        return ok(f"mail for {mail.domain} comes here ({hosts})")
    fix = f"Set the MX record of {mail.domain} to {mail.hostname}"
    if not found:
        return warning(f"{mail.domain} has none: answers and bounces to its addresses are lost", f"{fix}.")
    if not mail.forward_to:
        return ok(f"mail for {mail.domain} goes elsewhere ({hosts}), and FORWARD_EMAIL is not set")
    return warning(
        f"mail for {mail.domain} goes elsewhere ({hosts}): FORWARD_EMAIL receives only mail from this machine",
        f"{fix}, if mail should arrive here.",
    )


def check_address(mail: MailSettings, resolver: Resolver) -> Result:
    """Check that MAIL_HOSTNAME has a public address.

    Raises:
        DnsLookupFailed: DNS does not answer.
    """
    found = resolver.addresses(mail.hostname)
    if not found:
        return warning(
            f"MAIL_HOSTNAME {mail.hostname} has no address",
            f"Add an A record of {mail.hostname} with this machine's public address.",
        )
    private = [one for one in found if not ip_address(one).is_global]
    if private:
        return warning(
            f"{mail.hostname} is {', '.join(private)}, which cannot be reached from the internet",
            f"Set the A record of {mail.hostname} to this machine's public address.",
        )
    return ok(f"{mail.hostname} is {', '.join(found)}")


def check_ptr(mail: MailSettings, resolver: Resolver) -> Result:
    """Check the reverse DNS names of MAIL_HOSTNAME's addresses; many servers require them for direct delivery.

    Raises:
        DnsLookupFailed: DNS does not answer.
    """
    addresses = resolver.addresses(mail.hostname)
    named = {one: resolver.names_of(one) for one in addresses}
    if addresses and all(mail.hostname in names for names in named.values()):
        return ok(f"{', '.join(addresses)} is called {mail.hostname}")
    found = "; ".join(f"{one} is called {', '.join(names) or 'nothing'}" for one, names in named.items())
    found = found or f"{mail.hostname} has no address to look up"
    if mail.relay is not None:
        return ok(f"{found}; not needed while mail leaves through a relay")
    return failed(
        f"{found}: many servers reject mail from such an address",
        f"Let your provider set the address's reverse DNS (PTR) to {mail.hostname}.",
    )


# DKIM


def check_dkim(mail: MailSettings, resolver: Resolver) -> Result:
    """Return which usual selectors have a key; for information, as the relay signs.

    Raises:
        DnsLookupFailed: DNS does not answer.
    """
    found = [
        name
        for name in DKIM_SELECTORS
        if any("p=" in text for text in resolver.txt(f"{name}._domainkey.{mail.domain}"))
    ]
    if found:
        return ok(f"{mail.domain} has keys under {', '.join(found)} (for information)")
    signer = f"{mail.relay.host} signs with a domain of its own" if mail.relay else "mail leaves unsigned"
    return ok(f"{mail.domain} has no key under a usual name: {signer} (for information)")


# DMARC (RFC 7489)


class DmarcInvalid(ValueError):
    """The DMARC record is invalid, so that receivers ignore it."""


def check_dmarc(domain: str, resolver: Resolver) -> Result:
    """Check the DMARC record of a domain, or of the nearest domain above it, which applies to it too.

    Raises:
        DnsLookupFailed: DNS does not answer.
    """
    labels = domain.split(".")
    for start in range(max(1, len(labels) - _DMARC_FEWEST_LABELS + 1)):
        place = ".".join(labels[start:])
        if found := [text for text in resolver.txt(f"_dmarc.{place}") if text.replace(" ", "").startswith("v=DMARC1")]:
            return _dmarc_result(place, found)
    return warning(
        f"{domain} has none: Gmail and others trust its mail less",
        f'Add a TXT record to _dmarc.{domain}: "v=DMARC1; p=none", and a stricter p= when all mail passes.',
    )


def _dmarc_result(place: str, found: Sequence[str]) -> Result:
    if len(found) > 1:
        return failed(f"_dmarc.{place} has {len(found)} records, so receivers use none", "Make one record of them.")
    try:
        parse_dmarc(found[0])
    except DmarcInvalid as problem:
        return failed(f"receivers ignore the record: {problem}", f"Correct the TXT record of _dmarc.{place}.")
    return ok(f"{found[0]} (at _dmarc.{place})")


def parse_dmarc(record: str) -> Mapping[str, str]:
    """Return a DMARC record's tags.

    v=DMARC1; p=quarantine; rua=mailto:dmarc@example.org

    Raises:
        DmarcInvalid: a part is not a tag, or the policy does not exist.
    """
    tags: dict[str, str] = {}
    for part in filter(None, map(str.strip, record.split(";"))):
        name, found, value = part.partition("=")
        if not found or not name.strip():
            raise DmarcInvalid(f"{part!r} is not a tag")
        tags[name.strip().lower()] = value.strip()
    if tags.get("p", "").lower() not in DMARC_POLICIES:
        raise DmarcInvalid(f"p={tags.get('p', '')} is none of {', '.join(DMARC_POLICIES)}")
    return tags
