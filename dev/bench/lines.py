"""Log lines about one mail, in the format of our Postfix 3.10; `stories.py` combines them."""

from bisect import bisect
from collections.abc import Iterator, Sequence
from enum import StrEnum, auto
from itertools import accumulate
from random import Random
from typing import Final, NamedTuple

from dev.bench.replies import ACCEPTED, RELAY, Reply

_ALPHABET: Final = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"
_API_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
DOMAIN: Final = "dinky.example"
_SENDER: Final = f"noreply@{DOMAIN}"
API: Final = "mail-api[172.18.0.7]"
WEBSITE: Final = "web[172.18.0.5]"
TLS: Final = (
    "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange x25519 "
    "server-signature ECDSA (prime256v1) server-digest SHA256"
)


class Kind(StrEnum):
    """Kinds of lines, by how exporters count them."""

    CONNECTED = auto()
    DISCONNECTED = auto()
    RECEIVED = auto()
    """The `message-id=` line of cleanup; every mail has one."""
    ACTIVATED = auto()
    """The line of the queue manager, at every attempt."""
    SENT = auto()
    DEFERRED = auto()
    BOUNCED = auto()
    REMOVED = auto()
    REJECTED = auto()
    AUTH_FAILED = auto()
    OTHER = auto()


Line = tuple[float, str, Kind]
"""Unix time, `daemon[pid]: text`, and what it is; a plain tuple, since millions of them are made."""
Story = Iterator[Line]


class Mail(NamedTuple):
    """The values that the lines of one mail share."""

    id: str
    arrived: float
    sender: str = _SENDER
    size: int = 1000
    orig_to: str = ""


def queue_id(at: float, inode: int) -> str:
    """Return a long queue id: seconds and microseconds of the arrival in base 52, `z`, the inode in base 51."""
    return f"{_digits(int(at), 52, 6)}{_digits(int(at % 1 * 1e6), 52, 4)}z{_digits(inode, 51, 1)}"


def seconds(value: float) -> str:
    """Return a delay as Postfix prints it: two significant digits, nothing below a hundredth."""
    if value < 0.01:  # noqa: PLR2004 - delay_logging_resolution_limit's default, in seconds
        return "0"
    return f"{value:.2g}" if value < 100 else f"{value:.0f}"  # noqa: PLR2004 - from there %.2g writes 1e+02


def received(rng: Random, mail: Mail, service: str, client: str, *, recipients: int = 1) -> Story:
    """Yield the lines from the connection to the queue: 5, one more with TLS, one more with a trace."""
    at = mail.arrived
    smtpd = f"{service}/smtpd[{rng.randrange(228, 248)}]"
    cleanup = f"{'public/' if service == 'public' else ''}cleanup[{rng.randrange(239, 249)}]"
    yield at, f"{smtpd}: connect from {client}", Kind.CONNECTED
    login, verbs = "", "ehlo=1"
    if service != "internal":
        yield at, f"{smtpd}: Anonymous TLS connection established from {client}: {TLS}", Kind.OTHER
        verbs = "ehlo=2 starttls=1"
    if service == "submission":
        login = f", sasl_method=PLAIN, sasl_username=user{rng.randrange(20)}"
        verbs += " auth=1"
    yield at, f"{smtpd}: {mail.id}: client={client}{login}", Kind.OTHER
    if client == API:
        api_id = "".join(rng.choices(_API_ALPHABET, k=26))
        yield at, f"{cleanup}: {mail.id}: message-id=<msg_{api_id}.mail-api@{DOMAIN}>", Kind.RECEIVED
        trace = f"00-{rng.getrandbits(128):032x}-{rng.getrandbits(64):016x}-01"
        envelope = f"from=<{mail.sender}> to=<{mail.sender}> proto=ESMTP helo=<mail-api>"
        header = f"info: header Traceparent: {trace} from {client}; {envelope}: mailtrace"
        yield at, f"{cleanup}: {mail.id}: {header}", Kind.OTHER
    else:
        yield at, f"{cleanup}: {mail.id}: message-id=<{rng.getrandbits(64):x}@{DOMAIN}>", Kind.RECEIVED
    yield active(mail, at, recipients)
    commands = 5 + (3 if login else 2 if service != "internal" else 0)
    yield (
        at,
        f"{smtpd}: disconnect from {client} {verbs} mail=1 rcpt={recipients} data=1 quit=1 commands={commands}",
        Kind.DISCONNECTED,
    )


def active(mail: Mail, now: float, recipients: int = 1) -> Line:
    """Return the queue manager's line at the beginning of an attempt."""
    text = f"qmgr[219]: {mail.id}: from=<{mail.sender}>, size={mail.size}, nrcpt={recipients} (queue active)"
    return now, text, Kind.ACTIVATED


def sent(rng: Random, mail: Mail, now: float, recipients: Sequence[str]) -> Story:
    """Yield an attempt for each recipient, one after the other, and the end of the mail."""
    if rng.random() < 0.05:  # noqa: PLR2004 - a connection serves about twenty mails
        text = f"smtp[{rng.randrange(235, 238)}]: Verified TLS connection established to {RELAY}:587: {TLS}"
        yield now, text, Kind.OTHER
    for recipient in recipients:
        now += 0.1 + rng.random()
        yield attempt(rng, mail, now, recipient)
    yield now, f"qmgr[219]: {mail.id}: removed", Kind.REMOVED


def failed(  # noqa: PLR0913 - an attempt has as many sides
    rng: Random, mail: Mail, now: float, recipient: str, *, reply: Reply, kind: Kind
) -> Story:
    """Yield a failed attempt, and the line that Postfix may write before it."""
    if reply.before:
        yield now, f"smtp[{rng.randrange(235, 238)}]: {reply.before}", Kind.OTHER
    yield attempt(rng, mail, now, recipient, reply=reply, kind=kind)


def attempt(  # noqa: PLR0913 - same
    rng: Random, mail: Mail, now: float, recipient: str, *, reply: Reply = ACCEPTED, kind: Kind = Kind.SENT
) -> Line:
    """Return the line of an attempt for one recipient."""
    delay = now - mail.arrived
    setup = 0.0 if reply.relay == "none" else rng.random() * min(delay, 0.2)
    transmission = rng.random() * min(delay - setup, 0.8)
    delays = (0.01, max(delay - setup - transmission - 0.01, 0), setup, transmission)
    orig_to = f"orig_to=<{mail.orig_to}>, " if mail.orig_to else ""
    uses = rng.randrange(8)
    # No two replies of a real relay are the same, so that a cache of replies has no advantage.
    answer = reply.text.replace("SESSION", f"{rng.getrandbits(44):x}-{rng.getrandbits(44):x}.{uses}")
    conn_use = f"conn_use={uses}, " if uses > 1 and kind is Kind.SENT else ""
    text = (
        f"smtp[{rng.randrange(235, 238)}]: {mail.id}: to=<{recipient}>, {orig_to}relay={reply.relay}, {conn_use}"
        f"delay={seconds(delay)}, delays={'/'.join(map(seconds, delays))}, dsn={reply.dsn}, "
        f"status={kind} ({answer})"
    )
    return now, text, kind


def returned(rng: Random, mail: Mail, now: float) -> Story:
    """Yield the bounce that Postfix sends to the sender, and the end of the mail itself."""
    bounce = new_mail(rng, now, sender="")
    yield now, f"bounce/cleanup[252]: {bounce.id}: message-id=<{bounce.id}@mail.{DOMAIN}>", Kind.RECEIVED
    yield now, f"bounce[251]: {mail.id}: sender non-delivery notification: {bounce.id}", Kind.OTHER
    yield active(bounce, now)
    yield now, f"qmgr[219]: {mail.id}: removed", Kind.REMOVED
    yield from sent(rng, bounce, now, [mail.sender])


def new_mail(rng: Random, at: float, *, sender: str = _SENDER, orig_to: str = "") -> Mail:
    """Return a mail that arrives now."""
    size = int(rng.lognormvariate(8, 1))
    return Mail(queue_id(at, rng.randrange(400_000, 700_000)), at, sender, size, orig_to)


def an_address(rng: Random) -> str:
    """Return a recipient's address, mostly at Gmail."""
    return f"visitor{rng.randrange(5000)}@{'gmail.com' if rng.random() < 0.7 else 'shop.example'}"  # noqa: PLR2004 - most


def stranger(rng: Random) -> str:
    """Return a client from the internet, mostly without a host name."""
    address = f"203.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"
    return f"unknown[{address}]" if rng.random() < 0.6 else f"mx{address[4:].replace('.', '-')}.example[{address}]"  # noqa: PLR2004 - most


def one_of(rng: Random, replies: Sequence[Reply]) -> Reply:
    """Return one of the replies, weighted by their frequency."""
    weights = list(accumulate(reply.weight for reply in replies))
    return replies[bisect(weights, rng.random() * weights[-1])]


def _digits(value: int, base: int, width: int) -> str:
    digits = ""
    while value or len(digits) < width:
        value, digit = divmod(value, base)
        digits = _ALPHABET[digit] + digits
    return digits
