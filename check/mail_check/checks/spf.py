"""Check the SPF record (RFC 7208): valid, allows our sending server, and does not allow every sender.

No library: pyspf 2.0.14 (2020, source only) evaluates the address of one sender, and a relay's addresses are not known
here; checkdmarc 6.0.4 is maintained, but adds 18 packages to the API's image, among them cryptography and httpx.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Final, NamedTuple

from mail_check.dns_resolver import Resolver
from mail_check.results import Result, failed, ok, warning

LOOKUP_LIMIT: Final = 10
"""RFC 7208 section 4.6.4: a record that needs more lookups is an error."""
RELAY_INCLUDES: Final = {"smtp.gmail.com": "_spf.google.com", "smtp-relay.gmail.com": "_spf.google.com"}
"""The domain that a record has to include for a relay; support.google.com/a/answer/33786."""
_MECHANISMS: Final = frozenset({"all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"})
_WITH_LOOKUP: Final = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})
_SINGLE_MODIFIERS: Final = ("redirect", "exp")
_TERM: Final = re.compile(r"(?P<sign>[+?~-]?)(?P<name>[A-Za-z][\w.-]*)(?P<rest>(?:[:=/].*)?)")
_VERSION: Final = "v=spf1"


class SpfInvalid(ValueError):
    """Receivers treat the record as an error (permerror), which is worse than no record."""


class Term(NamedTuple):
    """One word of a record: `~all`, `include:_spf.google.com`, `redirect=example.org`. A modifier has no sign."""

    sign: str
    name: str
    value: str


@dataclass(slots=True)
class Evaluation:
    """What a record, and those that it includes or redirects to, allow."""

    networks: list[str] = field(default_factory=list)
    """Networks that may send."""
    domains: list[str] = field(default_factory=list)
    """Domains that are included or redirected to."""
    lookups: int = 0
    default: str | None = ""
    """Sign of the `all` that applies; empty where there is none, None where a macro decides it."""
    allows_all: bool = False
    """Whether every sender passes: by the `all` that applies, or by that of an included record."""

    def covers(self, address: str) -> bool:
        """Return whether this address may send."""
        ours = ip_address(address)
        return any(ours in ip_network(network) for network in self.networks)


def spf_records(texts: Sequence[str]) -> list[str]:
    """Return the SPF records among TXT records."""
    return [text for text in texts if text.lower() == _VERSION or text.lower().startswith(f"{_VERSION} ")]


# Parsing


def parse_spf(record: str) -> tuple[Term, ...]:
    """Return the terms of a record.

    v=spf1 ip4:203.0.113.0/24 include:_spf.google.com ~all

    Raises:
        SpfInvalid: a word is not a term of SPF, or `redirect` or `exp` is there twice (section 6).
    """
    terms = tuple(_term(word) for word in record.split()[1:])
    for name in _SINGLE_MODIFIERS:
        if sum((term.sign, term.name) == ("", name) for term in terms) > 1:
            raise SpfInvalid(f"{name}= is there more than once")
    return terms


def _term(word: str) -> Term:
    found = _TERM.fullmatch(word)
    if found is None:
        raise SpfInvalid(f"{word!r} is not a mechanism")
    name, rest = found["name"].lower(), found["rest"]
    if rest.startswith("="):
        return Term("", name, rest[1:])
    if name not in _MECHANISMS:
        raise SpfInvalid(f"{word!r} is not a mechanism")
    value = rest.removeprefix(":")
    if name in ("ip4", "ip6"):
        _network(value)
    return Term(found["sign"] or "+", name, value)


def _network(text: str) -> str:
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        raise SpfInvalid(f"{text!r} is not an address or network") from None


# Evaluation


def evaluate(domain: str, terms: Sequence[Term], resolver: Resolver) -> Evaluation:
    """Return what the terms of a domain's record allow, with all records that they refer to.

    Raises:
        SpfInvalid: it needs too many lookups, or a record that does not exist or is invalid.
        DnsLookupFailed: DNS does not answer.
    """
    result = Evaluation()
    result.default = _evaluate(domain, terms, resolver, result)
    result.allows_all = result.allows_all or result.default == "+"
    return result


def _evaluate(domain: str, terms: Sequence[Term], resolver: Resolver, result: Evaluation) -> str | None:
    """Add a record's terms to the result; return the sign of the `all` that applies to it, see Evaluation.default."""
    for term in terms:
        if term.name == "all" and term.sign:
            return term.sign  # terms after it, and any `redirect`, are ignored (sections 5.1 and 6.1)
        if term.sign:
            _count_lookup(term, result)
        if term.sign == "+" and "%" not in term.value:  # a macro (%{i}) depends on the mail
            if term.name == "include":
                default = _refer(term.value, resolver, result)
                result.allows_all = result.allows_all or default == "+"
            else:
                result.networks += _networks(domain, term, resolver)
    redirect = next((term for term in terms if (term.sign, term.name) == ("", "redirect")), None)
    if redirect is None:
        return ""
    _count_lookup(redirect, result)
    return None if "%" in redirect.value else _refer(redirect.value, resolver, result)


def _count_lookup(term: Term, result: Evaluation) -> None:
    result.lookups += term.name in _WITH_LOOKUP
    if result.lookups > LOOKUP_LIMIT:
        raise SpfInvalid(f"it needs more than {LOOKUP_LIMIT} look-ups in DNS")


def _refer(domain: str, resolver: Resolver, result: Evaluation) -> str | None:
    result.domains.append(domain.lower())
    found = spf_records(resolver.txt(domain))
    if len(found) != 1:
        count = f"{len(found) or 'no'} SPF record{'s' * (len(found) > 1)}"
        raise SpfInvalid(f"{domain}, which it refers to, has {count}")
    return _evaluate(domain, parse_spf(found[0]), resolver, result)


def _networks(domain: str, term: Term, resolver: Resolver) -> Iterator[str]:
    if term.name in ("ip4", "ip6"):
        yield _network(term.value)
    elif term.name in ("a", "mx"):
        name, _, prefix = term.value.partition("/")
        hosts = [name or domain] if term.name == "a" else [one.host for one in resolver.mx(name or domain)]
        for address in (address for host in hosts for address in resolver.addresses(host)):
            length = prefix.partition("/")[0]
            yield _network(f"{address}/{length}" if length.isdigit() and ":" not in address else address)


# Result


def check_spf(domain: str, hostname: str, relay: str | None, resolver: Resolver) -> Result:
    """Check a domain's SPF record.

    Args:
        domain: the domain of the senders.
        hostname: MAIL_HOSTNAME, whose addresses send where there is no relay.
        relay: the relay's host; None for direct delivery.
        resolver: looks up records in DNS.

    Raises:
        DnsLookupFailed: DNS does not answer.
    """
    found = spf_records(resolver.txt(domain))
    wanted = _wanted(relay)
    if not found:
        example = f"v=spf1 {wanted or 'include:DOMAIN-OF-YOUR-RELAY'} ~all"
        return warning(f"{domain} has none", f'Add a TXT record to {domain}: "{example}".')
    if len(found) > 1:
        return failed(f"{domain} has {len(found)} records, so receivers use none", "Make one record of them.")
    try:
        evaluation = evaluate(domain, parse_spf(found[0]), resolver)
        missing = _missing(relay, hostname, evaluation, resolver)
    except SpfInvalid as problem:
        return failed(f"receivers treat the record as an error: {problem}", f"Correct the TXT record: {found[0]}")
    return _result(found[0], evaluation, missing=missing, wanted=wanted)


def _wanted(relay: str | None) -> str | None:
    if relay is None:
        return "mx"
    return f"include:{RELAY_INCLUDES[relay]}" if relay in RELAY_INCLUDES else None


def _missing(relay: str | None, hostname: str, evaluation: Evaluation, resolver: Resolver) -> str:
    if relay is None:
        return ", ".join(f"our address {one}" for one in resolver.addresses(hostname) if not evaluation.covers(one))
    wanted = RELAY_INCLUDES.get(relay)
    return f"the relay {relay}" if wanted and wanted not in evaluation.domains else ""


def _result(record: str, evaluation: Evaluation, *, missing: str, wanted: str | None) -> Result:
    if evaluation.allows_all:
        fix = "End the record with ~all or -all, also one that it includes or redirects to."
        return failed(f"allows every sender to use this domain: {record}", fix)
    if missing:
        return warning(f"does not name {missing}: {record}", f"Add {wanted} before the last word of the record.")
    if evaluation.default in ("", "?"):
        return warning(f"does not restrict other senders: {record}", "End the record with ~all or -all.")
    return ok(record)
