"""Sequences of log lines: mails with their outcomes, rejects, scans; times never decrease within one."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Final

from dev.bench.lines import (
    API,
    DOMAIN,
    TLS,
    WEBSITE,
    Kind,
    Story,
    active,
    an_address,
    attempt,
    failed,
    new_mail,
    one_of,
    received,
    returned,
    sent,
    stranger,
)
from dev.bench.replies import DEFERRALS, REFUSALS, REJECTS

_BACKOFF_SECONDS: Final = (300.0, 600.0, 1200.0, 2400.0, 4000.0)
_LIFETIME_SECONDS: Final = 5 * 86_400.0

Teller = Callable[[Random, float], Story]


# -- mails that are sent at once --------------------------------------------------------------------------------


def api_mail(rng: Random, at: float) -> Story:
    """Yield the lines of a contact form's mail with a trace."""
    return _sent_mail(rng, at, "internal", API)


def internal_mail(rng: Random, at: float) -> Story:
    """Yield the lines of a mail from another container."""
    return _sent_mail(rng, at, "internal", WEBSITE)


def submitted_mail(rng: Random, at: float) -> Story:
    """Yield the lines of a mail from a mail program, with TLS and a password."""
    return _sent_mail(rng, at, "submission", stranger(rng))


def forwarded_mail(rng: Random, at: float) -> Story:
    """Yield the lines of a mail from outside to the domain, which is forwarded to the owner."""
    return _sent_mail(rng, at, "public", stranger(rng), orig_to=f"hello@{DOMAIN}")


def local_mail(rng: Random, at: float) -> Story:
    """Yield the lines of a mail from a program in the container, such as cron."""
    mail = new_mail(rng, at, sender=f"root@{DOMAIN}", orig_to=f"root@{DOMAIN}")
    yield at, f"pickup[212]: {mail.id}: uid=0 from=<root>", Kind.OTHER
    yield at, f"cleanup[239]: {mail.id}: message-id=<{mail.id}@mail.{DOMAIN}>", Kind.RECEIVED
    yield active(mail, at)
    yield from sent(rng, mail, at, [an_address(rng)])


def _sent_mail(rng: Random, at: float, service: str, client: str, *, orig_to: str = "") -> Story:
    mail = new_mail(rng, at, orig_to=orig_to)
    recipient = an_address(rng)
    yield from received(rng, mail, service, client)
    yield from sent(rng, mail, at, [recipient])


# -- mails that wait or fail -------------------------------------------------------------------------------------


def newsletter(rng: Random, at: float) -> Story:
    """Yield the lines of a mail to many: most are reached at once, some at the second attempt, some never."""
    mail = new_mail(rng, at)
    recipients = [an_address(rng) for _ in range(rng.randrange(2, 25))]
    yield from received(rng, mail, "internal", WEBSITE, recipients=len(recipients))
    waiting = []
    now = at
    for recipient in recipients:
        now += 0.05 + rng.random() / 4
        chance = rng.random()
        if chance < 0.08:  # noqa: PLR2004 - probabilities stand where they are used
            waiting.append(recipient)
            yield from failed(rng, mail, now, recipient, reply=one_of(rng, DEFERRALS), kind=Kind.DEFERRED)
        elif chance < 0.1:  # noqa: PLR2004 - same
            yield from failed(rng, mail, now, recipient, reply=one_of(rng, REFUSALS), kind=Kind.BOUNCED)
        else:
            yield attempt(rng, mail, now, recipient)
    if waiting:
        now = at + _BACKOFF_SECONDS[0] + rng.random() * 60
        yield active(mail, now, len(waiting))
    yield from sent(rng, mail, now, waiting)


def deferred_mail(rng: Random, at: float) -> Story:
    """Yield the lines of a mail that waits, a few minutes to some hours, and is sent in the end."""
    mail = new_mail(rng, at)
    recipient = an_address(rng)
    yield from received(rng, mail, "internal", API)
    reply = one_of(rng, DEFERRALS)
    now = at
    for wait in _BACKOFF_SECONDS[: rng.randrange(1, len(_BACKOFF_SECONDS) + 1)]:
        yield from failed(rng, mail, now + 1, recipient, reply=reply, kind=Kind.DEFERRED)
        now += wait + rng.random() * 60
        yield active(mail, now)
    yield from sent(rng, mail, now, [recipient])


def expired_mail(rng: Random, at: float) -> Story:
    """Yield the lines of a mail that expires after five days and is returned to its sender."""
    mail = new_mail(rng, at)
    recipient = an_address(rng)
    yield from received(rng, mail, "internal", WEBSITE)
    reply = one_of(rng, DEFERRALS)
    now, backoff = at, iter(_BACKOFF_SECONDS)
    while now < at + _LIFETIME_SECONDS:
        yield from failed(rng, mail, now + 1, recipient, reply=reply, kind=Kind.DEFERRED)
        now += next(backoff, _BACKOFF_SECONDS[-1]) * 5
        yield active(mail, now)
    yield now, f"qmgr[219]: {mail.id}: from=<{mail.sender}>, status=expired, returned to sender", Kind.OTHER
    yield from returned(rng, mail, now)


def bounced_mail(rng: Random, at: float) -> Story:
    """Yield the lines of a mail that bounces, and of the bounce message."""
    mail = new_mail(rng, at)
    recipient = an_address(rng)
    yield from received(rng, mail, "internal", API)
    yield from failed(rng, mail, at + 1, recipient, reply=one_of(rng, REFUSALS), kind=Kind.BOUNCED)
    yield from returned(rng, mail, at + 1)


# -- clients from the internet, and the daemons' own lines -----


def rejected_client(rng: Random, at: float) -> Story:
    """Yield the lines of a client that is refused at RCPT."""
    client = stranger(rng)
    smtpd = f"public/smtpd[{rng.randrange(300, 340)}]"
    number = rng.randrange(1 << 24)
    sender, to = f"info{number}@spam.example", f"someone{number}@elsewhere.example"
    reply = rng.choice(REJECTS).format(sender=sender, to=to, number=number)
    envelope = f"from=<{sender}> to=<{to}> proto=ESMTP helo=<WIN-{number}>"
    yield at, f"{smtpd}: connect from {client}", Kind.CONNECTED
    now = at + rng.random()
    yield (
        now,
        f"{smtpd}: NOQUEUE: reject: RCPT from {client}: {reply}; {envelope}",
        Kind.REJECTED,
    )
    yield now, f"{smtpd}: disconnect from {client} ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4", Kind.DISCONNECTED


def scanner(rng: Random, at: float) -> Story:
    """Yield the lines of a port scan."""
    client = stranger(rng)
    smtpd = f"public/smtpd[{rng.randrange(300, 340)}]"
    yield at, f"{smtpd}: connect from {client}", Kind.CONNECTED
    now = at + rng.random() * 10
    match rng.randrange(4):
        case 0:
            yield (
                now,
                f"{smtpd}: improper command pipelining after CONNECT from {client}: GET / HTTP/1.1\\r\\n",
                Kind.OTHER,
            )
        case 1:
            yield now, f"{smtpd}: SSL_accept error from {client}: -1", Kind.OTHER
            problem = "error:0A00010B:SSL routines::wrong version number:../ssl/record/methods/tlsany_meth.c:80:"
            yield now, f"{smtpd}: warning: TLS library problem: {problem}", Kind.OTHER
        case 2:
            yield now, f"{smtpd}: Anonymous TLS connection established from {client}: {TLS}", Kind.OTHER
        case _:
            address = client.partition("[")[2].rstrip("]")
            name = f"host-{address.replace('.', '-')}.example"
            yield now, f"{smtpd}: warning: hostname {name} does not resolve to address {address}", Kind.OTHER
    stage = rng.choice(("CONNECT", "EHLO", "STARTTLS", "AUTH", "UNKNOWN"))
    yield now, f"{smtpd}: NOQUEUE: lost connection after {stage} from {client}", Kind.OTHER
    yield now, f"{smtpd}: disconnect from {client} ehlo=1 unknown=0/1 commands=1/2", Kind.DISCONNECTED


def password_guesser(rng: Random, at: float) -> Story:
    """Yield the lines of a failed login at the submission port."""
    client = stranger(rng)
    smtpd = f"submission/smtpd[{rng.randrange(400, 440)}]"
    yield at, f"{smtpd}: connect from {client}", Kind.CONNECTED
    yield at + 1, f"{smtpd}: Anonymous TLS connection established from {client}: {TLS}", Kind.OTHER
    failure = f"SASL LOGIN authentication failed: (reason unavailable), sasl_username=admin{rng.randrange(100)}"
    yield at + 4, f"{smtpd}: warning: {client}: {failure}", Kind.AUTH_FAILED
    yield at + 5, f"{smtpd}: disconnect from {client} ehlo=2 starttls=1 auth=0/1 quit=1 commands=4/5", Kind.DISCONNECTED


def statistics(rng: Random, at: float) -> Story:
    """Yield lines of daemons that belong to no mail."""
    stamp = f"at Nov 22 14:{rng.randrange(60):02d}:{rng.randrange(60):02d}"
    address = stranger(rng).partition("[")[2].rstrip("]")
    for text in (
        f"anvil[230]: statistics: max connection rate {rng.randrange(1, 9)}/60s for (2525:{address}) {stamp}",
        f"anvil[230]: statistics: max connection count {rng.randrange(1, 9)} for (2525:{address}) {stamp}",
        f"anvil[230]: statistics: max cache size {rng.randrange(1, 9)} {stamp}",
        "scache[236]: statistics: domain lookup hits=12 miss=6 success=66%",
        "scache[236]: statistics: max simultaneous domains=1 addresses=1 connection=2",
        f"tlsproxy[237]: CONNECT to [142.250.102.108]:587 {rng.randrange(9)}",
        "tlsproxy[237]: DISCONNECT [142.250.102.108]:587",
    ):
        yield at, text, Kind.OTHER


ALL_SENT: Final[Mapping[Teller, float]] = {api_mail: 50, internal_mail: 50}
"""The stories with their weights."""
REALISTIC: Final[Mapping[Teller, float]] = {
    api_mail: 30,
    internal_mail: 12,
    submitted_mail: 5,
    forwarded_mail: 10,
    local_mail: 1,
    newsletter: 2,
    deferred_mail: 6,
    expired_mail: 0.2,
    bounced_mail: 3,
    rejected_client: 12,
    scanner: 10,
    password_guesser: 7,
    statistics: 1.5,
}
