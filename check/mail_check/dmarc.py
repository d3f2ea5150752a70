"""DMARC (RFC 7489): what a domain asks receivers to do with mail that only claims to be from it."""

from collections.abc import Mapping, Sequence
from typing import Final

from mail_check.finding import Verdict, failed, ok, warning
from mail_check.lookup import Lookup

POLICIES: Final = ("none", "quarantine", "reject")
_FEWEST_LABELS: Final = 2


class DmarcBroken(ValueError):
    """The record is one that receivers take as none."""


def records_of(texts: Sequence[str]) -> list[str]:
    """Return those of a name's texts that are DMARC records."""
    return [text for text in texts if text.replace(" ", "").startswith("v=DMARC1")]


def parse(record: str) -> Mapping[str, str]:
    """Return a record's tags.

    v=DMARC1; p=quarantine; rua=mailto:dmarc@example.org

    Raises:
        DmarcBroken: a part is no tag, or the policy is none of DMARC's.
    """
    tags: dict[str, str] = {}
    for part in filter(None, map(str.strip, record.split(";"))):
        name, found, value = part.partition("=")
        if not found or not name.strip():
            raise DmarcBroken(f"{part!r} is no tag")
        tags[name.strip().lower()] = value.strip()
    if tags.get("p", "").lower() not in POLICIES:
        raise DmarcBroken(f"p={tags.get('p', '')} is none of {', '.join(POLICIES)}")
    return tags


def look(domain: str, lookup: Lookup) -> Verdict:
    """Judge a domain's DMARC, or that of the nearest domain above it, which counts for it too.

    Raises:
        LookupFailed: DNS does not answer.
    """
    for place in _places(domain):
        if found := records_of(lookup.txt(f"_dmarc.{place}")):
            return _judged(place, found)
    return warning(
        f"{domain} has none: Gmail and others trust its mail less",
        f'Add a TXT record to _dmarc.{domain}: "v=DMARC1; p=none", and a stricter p= when all mail passes.',
    )


def _places(domain: str) -> list[str]:
    labels = domain.split(".")
    return [".".join(labels[start:]) for start in range(max(1, len(labels) - _FEWEST_LABELS + 1))]


def _judged(place: str, found: Sequence[str]) -> Verdict:
    if len(found) > 1:
        return failed(f"_dmarc.{place} has {len(found)} records, so receivers use none", "Make one record of them.")
    try:
        parse(found[0])
    except DmarcBroken as problem:
        return failed(f"receivers take the record as none: {problem}", f"Mend the TXT record of _dmarc.{place}.")
    return ok(f"{found[0]} (at _dmarc.{place})")
