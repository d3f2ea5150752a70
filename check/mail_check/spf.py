"""SPF (RFC 7208): whether a domain's record can be used, and whether it names the way that our mail leaves by."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Final, NamedTuple

from mail_check.finding import Verdict, failed, ok, warning
from mail_check.lookup import Lookup

MOST_LOOKUPS: Final = 10
"""RFC 7208 section 4.6.4: with more of them the record counts as broken."""
OF_RELAYS: Final = {"smtp.gmail.com": "_spf.google.com", "smtp-relay.gmail.com": "_spf.google.com"}
"""What the relays that we know want to be included; support.google.com/a/answer/33786."""
_MECHANISMS: Final = frozenset({"all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"})
_ASKING: Final = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})
_TERM: Final = re.compile(r"(?P<sign>[+?~-]?)(?P<name>[A-Za-z][\w.-]*)(?P<rest>(?:[:=/].*)?)")
_VERSION: Final = "v=spf1"


class SpfBroken(ValueError):
    """The record is one that receivers take as an error, which is worse than none."""


class Term(NamedTuple):
    """One word of a record: `~all`, `include:_spf.google.com`, `redirect=example.org`."""

    sign: str
    name: str
    value: str


@dataclass(slots=True)
class Reach:
    """What a record and those that it includes amount to."""

    networks: list[str] = field(default_factory=list)
    includes: list[str] = field(default_factory=list)
    lookups: int = 0


def records_of(texts: Sequence[str]) -> list[str]:
    """Return those of a name's texts that are SPF records."""
    return [text for text in texts if text.lower() == _VERSION or text.lower().startswith(f"{_VERSION} ")]


def parse(record: str) -> tuple[Term, ...]:
    """Read a record.

    v=spf1 ip4:203.0.113.0/24 include:_spf.google.com ~all

    Raises:
        SpfBroken: a word in it is none of SPF's.
    """
    return tuple(_term(word) for word in record.split()[1:])


def _term(word: str) -> Term:
    found = _TERM.fullmatch(word)
    if found is None:
        raise SpfBroken(f"{word!r} is no mechanism")
    name, rest = found["name"].lower(), found["rest"]
    if rest.startswith("="):
        return Term("", name, rest[1:])
    if name not in _MECHANISMS:
        raise SpfBroken(f"{word!r} is no mechanism")
    value = rest.removeprefix(":")
    if name in ("ip4", "ip6"):
        _network(value)
    return Term(found["sign"] or "+", name, value)


def _network(text: str) -> str:
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        raise SpfBroken(f"{text!r} is no address or network") from None


def follow(domain: str, terms: Sequence[Term], lookup: Lookup) -> Reach:
    """Return whom the record lets send, through everything that it includes.

    Raises:
        SpfBroken: it asks for too much, or for a record that is not there or broken.
        LookupFailed: DNS does not answer.
    """
    reach = Reach()
    _follow(domain, terms, lookup, reach)
    return reach


def _follow(domain: str, terms: Sequence[Term], lookup: Lookup, reach: Reach) -> None:
    for term in terms:
        if term.name in _ASKING:
            reach.lookups += 1
            if reach.lookups > MOST_LOOKUPS:
                raise SpfBroken(f"it needs more than {MOST_LOOKUPS} look-ups in DNS")
        if term.name in ("include", "redirect"):
            # A macro (%{i}) stands for what only a receiver knows.
            if term.sign in ("+", "") and "%" not in term.value:
                reach.includes.append(term.value.lower())
                _follow(term.value, _included(term.value, lookup), lookup, reach)
        elif term.sign == "+":
            reach.networks += _networks(domain, term, lookup)


def _included(domain: str, lookup: Lookup) -> tuple[Term, ...]:
    found = records_of(lookup.txt(domain))
    if len(found) != 1:
        raise SpfBroken(f"{domain}, which it includes, has {len(found) or 'no'} SPF record{'s' * (len(found) > 1)}")
    return parse(found[0])


def _networks(domain: str, term: Term, lookup: Lookup) -> Iterator[str]:
    if term.name in ("ip4", "ip6"):
        yield _network(term.value)
    elif term.name in ("a", "mx"):
        name, _, prefix = term.value.partition("/")
        hosts = [name or domain] if term.name == "a" else [one.host for one in lookup.mx(name or domain)]
        for address in (address for host in hosts for address in lookup.addresses(host)):
            short = prefix.partition("/")[0]
            yield _network(f"{address}/{short}" if short.isdigit() and ":" not in address else address)


def covers(reach: Reach, address: str) -> bool:
    """Tell whether the record lets this address send."""
    there = ip_address(address)
    return any(there in ip_network(network) for network in reach.networks)


def look(domain: str, hostname: str, relay: str | None, lookup: Lookup) -> Verdict:
    """Judge a domain's SPF.

    Args:
        domain: whose mail it is.
        hostname: our own, whose address delivers where there is no relay.
        relay: the host that mail leaves by; None for direct delivery.
        lookup: asks DNS.

    Raises:
        LookupFailed: DNS does not answer.
    """
    found = records_of(lookup.txt(domain))
    wanted = _wanted(relay)
    if not found:
        example = f"v=spf1 {wanted or 'include:WHAT-YOUR-RELAY-SAYS'} ~all"
        return warning(f"{domain} has none", f'Add a TXT record to {domain}: "{example}".')
    if len(found) > 1:
        return failed(f"{domain} has {len(found)} records, so receivers use none", "Make one record of them.")
    try:
        terms = parse(found[0])
        missing = _missing(relay, hostname, follow(domain, terms, lookup), lookup)
    except SpfBroken as problem:
        return failed(f"receivers take the record as an error: {problem}", f"Mend the TXT record: {found[0]}")
    return _judged(found[0], terms, missing=missing, wanted=wanted)


def _wanted(relay: str | None) -> str | None:
    if relay is None:
        return "mx"
    return f"include:{OF_RELAYS[relay]}" if relay in OF_RELAYS else None


def _missing(relay: str | None, hostname: str, reach: Reach, lookup: Lookup) -> str:
    if relay is None:
        return ", ".join(f"our address {one}" for one in lookup.addresses(hostname) if not covers(reach, one))
    wanted = OF_RELAYS.get(relay)
    return f"the relay {relay}" if wanted and wanted not in reach.includes else ""


def _judged(record: str, terms: Sequence[Term], *, missing: str, wanted: str | None) -> Verdict:
    ends = [term.sign for term in terms if term.name == "all"]
    if "+" in ends:
        return failed(f"lets everybody send as this domain: {record}", "End the record with ~all or -all.")
    if missing:
        return warning(f"does not name {missing}: {record}", f"Put {wanted} before the record's last word.")
    if ends not in (["~"], ["-"]) and not any(term.name == "redirect" for term in terms):
        return warning(f"says nothing about other senders: {record}", "End the record with ~all or -all.")
    return ok(record)
