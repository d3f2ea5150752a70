"""Where the world thinks that a domain's mail belongs, and who it thinks we are."""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final

from mail_check.finding import Verdict, failed, ok, warning
from mail_check.lookup import Lookup, MailExchanger
from mail_check.stack import Stack

SELECTORS: Final = ("google", "default", "mail", "dkim", "s1", "k1", "selector1")
"""Under these names keys for DKIM are often found; DNS can't be asked which there are."""
_FOR_TRYING_OUT: Final = (".example", ".test", ".invalid", ".localhost", ".local")
_EXAMPLES: Final = ("example.com", "example.net", "example.org")


def is_reserved(domain: str) -> bool:
    """Tell whether nobody can own the domain (RFC 2606, RFC 6762), so that DNS has nothing to say about it."""
    return domain.endswith(_FOR_TRYING_OUT) or any(domain == one or domain.endswith(f".{one}") for one in _EXAMPLES)


def reserved(stack: Stack) -> Verdict:
    """Tell that a domain for trying out can't be looked up."""
    problem = f"{stack.domain} is a name for trying out: nobody outside can write to it, and DNS knows nothing of it"
    return warning(problem, "For production set MAIL_DOMAIN to a domain of your own.")


def mx(stack: Stack, lookup: Lookup) -> Verdict:
    """Judge where mail for MAIL_DOMAIN goes.

    Raises:
        LookupFailed: DNS does not answer.
    """
    found = lookup.mx(stack.domain)
    if not found and not lookup.exists(stack.domain):
        return failed(f"there is no domain {stack.domain} in DNS", "Correct MAIL_DOMAIN, or register the domain.")
    ours = frozenset(lookup.addresses(stack.hostname))
    theirs = frozenset(address for one in found for address in lookup.addresses(one.host) if one.host)
    return mx_verdict(stack, found, is_ours=bool(ours & theirs))


def mx_verdict(stack: Stack, found: Sequence[MailExchanger], *, is_ours: bool) -> Verdict:
    """Judge the records that were found; `is_ours` tells whether one of them has MAIL_HOSTNAME's address."""
    hosts = ", ".join(f"{one.preference} {one.host or '.'}" for one in found)
    if is_ours or stack.hostname in {one.host for one in found}:
        return ok(f"mail for {stack.domain} comes here ({hosts})")
    advice = f"Set the MX record of {stack.domain} to {stack.hostname}"
    if not found:
        return warning(f"{stack.domain} has none: answers and bounces to its addresses get lost", f"{advice}.")
    if not stack.forward_to:
        return ok(f"mail for {stack.domain} goes elsewhere ({hosts}), and FORWARD_EMAIL is not set")
    return warning(
        f"mail for {stack.domain} goes elsewhere ({hosts}): FORWARD_EMAIL gets only what comes from this machine",
        f"{advice}, if it is meant to come here.",
    )


def address(stack: Stack, lookup: Lookup) -> Verdict:
    """Judge the address of MAIL_HOSTNAME.

    Raises:
        LookupFailed: DNS does not answer.
    """
    found = lookup.addresses(stack.hostname)
    if not found:
        return warning(
            f"MAIL_HOSTNAME {stack.hostname} has no address",
            f"Add an A record of {stack.hostname} with this machine's public address.",
        )
    private = [one for one in found if not ip_address(one).is_global]
    if private:
        return warning(
            f"{stack.hostname} is {', '.join(private)}, which nobody outside can reach",
            f"Set the A record of {stack.hostname} to this machine's public address.",
        )
    return ok(f"{stack.hostname} is {', '.join(found)}")


def pointer(stack: Stack, lookup: Lookup) -> Verdict:
    """Judge the names (PTR) of MAIL_HOSTNAME's addresses; who delivers directly is refused by many without.

    Raises:
        LookupFailed: DNS does not answer.
    """
    addresses = lookup.addresses(stack.hostname)
    named = {one: lookup.names_of(one) for one in addresses}
    if addresses and all(stack.hostname in names for names in named.values()):
        return ok(f"{', '.join(addresses)} is called {stack.hostname}")
    told = "; ".join(f"{one} is called {', '.join(names) or 'nothing'}" for one, names in named.items())
    told = told or f"{stack.hostname} has no address to look up"
    if stack.relay is not None:
        return ok(f"{told}; that does not matter while mail leaves through a relay")
    return failed(
        f"{told}: many servers refuse mail from such an address",
        f"Let your provider set the address's reverse DNS (PTR) to {stack.hostname}.",
    )


def dkim(stack: Stack, lookup: Lookup) -> Verdict:
    """Tell which of the usual names have a key; for information, as the relay signs.

    Raises:
        LookupFailed: DNS does not answer.
    """
    found = [
        name for name in SELECTORS if any("p=" in text for text in lookup.txt(f"{name}._domainkey.{stack.domain}"))
    ]
    if found:
        return ok(f"{stack.domain} has keys under {', '.join(found)} (for information)")
    who = f"{stack.relay.host} signs with a domain of its own" if stack.relay else "mail leaves unsigned"
    return ok(f"{stack.domain} has no key under a usual name: {who} (for information)")
