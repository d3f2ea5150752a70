r"""The abuse battery: attempts of spammers and smugglers at each port, with the expected replies and log lines.

Every trick tries to send mail to an address at VICTIM. In its texts `{t}` is a word that no other trick has, `{own}`
MAIL_DOMAIN, `{me}` MAIL_HOSTNAME, `{ip}` the server's address. Steps are as in `dialogue.talk`, after the greeting.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import Final

from tests.integration.postfix.dialogue import AT_ONCE, STARTTLS

VICTIM: Final = "victim.example"
HELLO: Final = "EHLO outside.example"
INSIDE, PUBLIC, SUBMISSION = PORTS = (25, 2525, 587)
TO_VICTIM: Final = f"RCPT TO:<{{t}}@{VICTIM}>"
FROM_OUTSIDE: Final = "MAIL FROM:<{t}@stranger.example>"
TO_OWN: Final = "RCPT TO:<{t}@{own}>"
MESSAGE: Final = "Subject: {t}\r\n\r\nbuy\r\n.\r\n"


class Origin(StrEnum):
    """Where the attacker connects from."""

    OUTSIDE = "outside"
    """Connects through the host; the server's client address is its network's gateway."""
    INSIDE = "inside"
    """A container on a joined network, for which port 25 relays. For the other ports it is one more client, with its
    own rate limits."""


class Session(StrEnum):
    """The commands before the trick in its connection."""

    FRESH = "fresh"
    """None: the trick has its own connection, because it ends it or is found in the counts of `disconnect`."""
    GREETED = "greeted"
    """EHLO, and STARTTLS on the submission port."""
    LOGGED_IN = "logged in"
    """The same, and a login with MAIL_USER's password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trick:
    """One try. It is withstood if a reply matches, the log has a matching line, and the victim gets no mail."""

    name: str
    port: int
    steps: tuple[str, ...]
    answer: str
    """A regular expression for one of the replies."""
    log: str
    """A regular expression for a line of the log."""
    session: Session = Session.GREETED
    origin: Origin = Origin.OUTSIDE

    @property
    def id(self) -> str:
        """The port and the name."""
        return f"{self.port} {self.name}"


DENIED: Final = "554 5.7.1 .*Relay access denied"
ROUTED: Final = "550 5.1.3 .*Address with a route or a command in it"
OTHER_DOMAIN: Final = "550 5.7.1 .*This port takes mail for {own} only"
SYNTAX: Final = "501 5.1.3 Bad recipient address syntax"
INCOMPLETE: Final = "504 5.5.2 .*need fully-qualified address"
UNTRUSTED: Final = f"554 5.7.1 .*Client host rejected|{SYNTAX}"

ENVELOPES: Final = (
    # name, sender, recipient, the answer at the public port
    ("plain relay", "{t}@stranger.example", "{t}@victim.example", DENIED),
    ("null sender", "", "{t}@victim.example", DENIED),
    ("sender of our own domain", "hi@{own}", "{t}@victim.example", DENIED),
    ("sender of our own host name", "root@{me}", "{t}@victim.example", DENIED),
    ("sender is the victim", "{t}@victim.example", "{t}@victim.example", DENIED),
    ("sender on localhost", "{t}@localhost", "{t}@victim.example", INCOMPLETE),
    ("sender at our address", "{t}@[127.0.0.1]", "{t}@victim.example", DENIED),
    ("sender with AUTH=", "{t}@stranger.example> AUTH=<hi@{own}", "{t}@victim.example", DENIED),
    ("percent hack", "{t}@stranger.example", "{t}%victim.example@{own}", DENIED),
    ("percent hack, host name", "{t}@stranger.example", "{t}%victim.example@{me}", DENIED),
    ("percent hack, our address", "{t}@stranger.example", "{t}%victim.example@[{ip}]", DENIED),
    ("percent hack, loopback", "{t}@stranger.example", "{t}%victim.example@[127.0.0.1]", DENIED),
    ("percent hack, no domain", "{t}@stranger.example", "{t}%victim.example", DENIED),
    ("percent hack, two hops", "{t}@stranger.example", "{t}%victim.example%{own}@{own}", DENIED),
    ("bang path", "{t}@stranger.example", "victim.example!{t}", DENIED),
    ("bang path to our domain", "{t}@stranger.example", "victim.example!{t}@{own}", DENIED),
    ("bang path, two hops", "{t}@stranger.example", "{own}!victim.example!{t}", DENIED),
    ("source route", "{t}@stranger.example", "@{own}:{t}@victim.example", DENIED),
    ("source route, two hops", "{t}@stranger.example", "@{own},@{me}:{t}@victim.example", DENIED),
    ("source route by loopback", "{t}@stranger.example", "@[127.0.0.1]:{t}@victim.example", DENIED),
    ("quoted local part", "{t}@stranger.example", '"{t}@victim.example"@{own}', DENIED),
    ("quoted, no domain", "{t}@stranger.example", '"{t}@victim.example"', DENIED),
    ("quoted percent hack", "{t}@stranger.example", '"{t}%victim.example"@{own}', DENIED),
    ("quoted bang path", "{t}@stranger.example", '"victim.example!{t}"@{own}', DENIED),
    ("two at signs", "{t}@stranger.example", "{t}@victim.example@{own}", DENIED),
    ("escaped at sign", "{t}@stranger.example", "{t}\\@victim.example@{own}", DENIED),
    ("tab in the address", "{t}@stranger.example", "{t}@victim.example\t@{own}", DENIED),
    ("address literal", "{t}@stranger.example", "{t}@[203.0.113.7]", DENIED),
    ("IPv6 literal", "{t}@stranger.example", "{t}@[IPv6:2001:db8::7]", DENIED),
    ("IPv6-mapped literal", "{t}@stranger.example", "{t}@[IPv6:::ffff:203.0.113.7]", DENIED),
    ("address as one number", "{t}@stranger.example", "{t}@#3405803783", SYNTAX),
    ("literal of loopback", "{t}@stranger.example", "{t}@[127.0.0.1]", OTHER_DOMAIN),
    ("literal of our address", "{t}@stranger.example", "{t}@[{ip}]", OTHER_DOMAIN),
    ("no domain", "{t}@stranger.example", "{t}", INCOMPLETE),
    ("trailing dot", "{t}@stranger.example", "{t}@victim.example.", DENIED),
    ("subdomain of ours", "{t}@stranger.example", "{t}@sub.{own}", DENIED),
    ("our domain as a prefix", "{t}@stranger.example", "{t}@{own}.victim.example", DENIED),
    ("localhost", "{t}@stranger.example", "{t}@localhost", DENIED),
    ("the monitoring's address", "{t}@stranger.example", "admin@dinky.local", OTHER_DOMAIN),
    ("root of our host name", "{t}@stranger.example", "root@{me}", OTHER_DOMAIN),
    ("our own dead letter", "{t}@stranger.example", "refused-forward@discarded.invalid", DENIED),
    ("a command", "{t}@stranger.example", '"|sh -c {t}"@{own}', ROUTED),
    ("a file", "{t}@stranger.example", "/var/{t}@{own}", ROUTED),
    ("an include file", "{t}@stranger.example", '":include:/tmp/{t}"@{own}', ROUTED),
    ("two addresses in one", "{t}@stranger.example", "hi@{own},{t}@victim.example", SYNTAX),
    ("two addresses, bracketed", "{t}@stranger.example", "hi@{own}>,<{t}@victim.example", SYNTAX),
)

# Senders that a login on the submission port does not allow.
FOREIGN_SENDERS: Final = (
    ("login, foreign sender", "{t}@stranger.example"),
    ("login, null sender", ""),
    ("login, subdomain as sender", "{t}@sub.{own}"),
    ("login, our domain as a prefix", "{t}@{own}.stranger.example"),
    ("login, local domain as sender", "{t}@dinky.local"),
    ("login, bang path as sender", "stranger.example!{t}"),
)

# name, header lines: accepted for MAIL_DOMAIN at the public port, and delivered to FORWARD_EMAIL only.
HEADERS: Final = (
    ("Bcc header", "Bcc: {t}@victim.example\r\n"),
    (
        "Resent-To header",
        "Resent-From: hi@{own}\r\nResent-To: {t}@victim.example\r\nResent-Bcc: {t}@victim.example\r\n",
    ),
    ("To header", "To: {t}@victim.example\r\nCc: {t}@victim.example\r\nApparently-To: {t}@victim.example\r\n"),
    ("receipt headers", "Disposition-Notification-To: {t}@victim.example\r\nReturn-Receipt-To: {t}@victim.example\r\n"),
    ("Errors-To header", "Errors-To: {t}@victim.example\r\nReturn-Path: <{t}@victim.example>\r\n"),
)

STRAY_ENDS: Final = {
    "LF . LF": "\n.\n",
    "LF . CRLF": "\n.\r\n",
    "CRLF . LF": "\r\n.\n",
    "CR . CR": "\r.\r",
    "CR . CRLF": "\r.\r\n",
    "CRLF . CR": "\r\n.\r",
    "CR . LF": "\r.\n",
    "LF . CR": "\n.\r",
    "LF . CR LF CR LF": "\n.\r\n\r\n",
    "CRLF NUL . CRLF": "\r\n\0.\r\n",
    "CRLF . NUL CRLF": "\r\n.\0\r\n",
    "LF NUL . LF": "\n\0.\n",
    "CRLF . CR CRLF": "\r\n.\r\r\n",
    "CR CRLF . CR CRLF": "\r\r\n.\r\r\n",
    "CRLF . SP CRLF": "\r\n. \r\n",
    "LF .. CRLF": "\n..\r\n",
}
"""Sequences that some servers take for the end of a message; only <CR><LF>.<CR><LF> is one."""


def tricks() -> Iterator[Trick]:
    """Yield the whole battery."""
    for port in PORTS:
        for name, sender, recipient, answer in ENVELOPES:
            expected = answer if port == PUBLIC else UNTRUSTED
            words = f"reject: RCPT from .* {expected[:9]}" if answer != SYNTAX else "Illegal address syntax"
            yield Trick(
                name=name,
                port=port,
                steps=(f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>", "DATA", MESSAGE),
                answer=expected,
                log=f"{words}.*{{t}}",
            )
    yield from commands()
    yield from logins()
    yield from delivery_notices()
    for name, lines in HEADERS:
        steps = (FROM_OUTSIDE, TO_OWN, "DATA", f"Subject: {{t}}\r\n{lines}\r\nhi\r\n.\r\n")
        yield Trick(
            name=name,
            port=PUBLIC,
            steps=steps,
            answer="250 2.0.0 Ok",
            log="to=<[^>]*>, orig_to=<{t}@{own}>",
            origin=Origin.INSIDE,
        )
    yield from smuggling()


def commands() -> Iterator[Trick]:
    """Yield tricks with commands other than addresses."""
    counted = (
        ("VRFY", "VRFY hi@{own}", "502 5.5.1 VRFY command is disabled", "vrfy=0/1"),
        ("EXPN", "EXPN hi@{own}", "500 5.5.2 Error: command not recognized", "unknown=0/1"),
        ("ETRN", "ETRN {own}", "554 5.7.1 .*(Etrn command|Client host) rejected", "etrn=0/1"),
        ("XCLIENT", "XCLIENT ADDR=127.0.0.1", "550 5.7.0 Error: insufficient authorization", "xclient=0/1"),
        ("XFORWARD", "XFORWARD ADDR=127.0.0.1", "550 5.7.0 Error: insufficient authorization", "xforward=0/1"),
    )
    for port, (name, command, answer, count) in product(PORTS, counted):
        hello = (HELLO, STARTTLS, HELLO) if port == SUBMISSION else (HELLO,)
        log = f"disconnect from .* {count} "
        yield Trick(name=name, port=port, steps=(*hello, command), answer=answer, log=log, session=Session.FRESH)
    for port in PORTS:
        fresh = (
            (
                "speaks before the greeting",
                (f"{AT_ONCE}{HELLO}\r\n{FROM_OUTSIDE}\r\n{TO_VICTIM}\r\nDATA\r\n",),
                "554 5.5.0 Error: SMTP protocol synchronization",
                # EHLO if the greeting arrived before the data from the host's port.
                "improper command pipelining after (CONNECT|EHLO)",
            ),
            (
                "pipelines behind EHLO",
                (f"{HELLO}\r\n{FROM_OUTSIDE}\r\n{TO_VICTIM}\r\nDATA",),
                "554 5.5.0 Error: SMTP protocol synchronization",
                "improper command pipelining after EHLO",
            ),
            ("no EHLO", (FROM_OUTSIDE, TO_VICTIM), "5(03|30) 5", "disconnect from .* mail=0/1 rcpt=0/1 "),
            (
                "NUL in the address",
                (HELLO, FROM_OUTSIDE, f"RCPT TO:<{{t}}@{VICTIM}\0@{{own}}>"),
                "501 5.1.3 Bad recipient address syntax|530 5.7.0 Must issue a STARTTLS command first",
                "disconnect from .* rcpt=0/1 ",
            ),
            ("HTTP", ("GET / HTTP/1.0",), "221 2.7.0 Error", "warning: non-SMTP command from .*: GET / HTTP/1.0"),
        )
        for name, steps, answer, log in fresh:
            yield Trick(name=name, port=port, steps=steps, answer=answer, log=log, session=Session.FRESH)
    for name, word, answer in (
        ("EHLO with our name", "{me}", DENIED),
        ("EHLO with loopback's address", "[127.0.0.1]", DENIED),
        ("EHLO with localhost", "localhost", "504 5.5.2 .*need fully-qualified hostname"),
    ):
        steps = (f"EHLO {word}", FROM_OUTSIDE, TO_VICTIM)
        log = f"reject: RCPT from .*{answer[:9]}.*{{t}}"
        yield Trick(name=name, port=PUBLIC, steps=steps, answer=answer, log=log, session=Session.FRESH)
    for port in (PUBLIC, SUBMISSION):
        injected = f"{STARTTLS}\r\n{HELLO}\r\n{FROM_OUTSIDE}\r\nRCPT TO:<hi@{{own}}>"
        yield Trick(
            name="commands behind STARTTLS",
            port=port,
            steps=(HELLO, injected, TO_VICTIM),
            answer="503 5.5.1 Error: need MAIL command|503 5.5.1 Error: send HELO/EHLO first",
            log=r"disconnect from .* starttls=1 rcpt=0/1 quit=1 ",
            session=Session.FRESH,
        )


def logins() -> Iterator[Trick]:
    """Yield tricks with AUTH, and senders that a login does not allow."""
    for port in (INSIDE, PUBLIC):
        yield Trick(
            name="AUTH where there is none",
            port=port,
            steps=(HELLO, "AUTH PLAIN {login}", FROM_OUTSIDE, TO_VICTIM),
            answer="503 5.5.1 Error: authentication not enabled",
            log="disconnect from .* auth=0/1 ",
            session=Session.FRESH,
        )
    before_tls = (
        ("AUTH before TLS", ("AUTH PLAIN {login}",), "auth=0/1"),
        ("MAIL before TLS", (FROM_OUTSIDE,), "mail=0/1"),
    )
    for name, steps, count in before_tls:
        yield Trick(
            name=name,
            port=SUBMISSION,
            steps=(HELLO, *steps),
            answer="530 5.7.0 Must issue a STARTTLS command first",
            log=f"disconnect from .* {count} ",
            session=Session.FRESH,
        )
    for name, sender in FOREIGN_SENDERS:
        yield Trick(
            name=name,
            port=SUBMISSION,
            steps=(f"MAIL FROM:<{sender}>", TO_VICTIM, "DATA", MESSAGE),
            answer="553 5.7.1 .*The envelope sender must be an address of {own}|554 5.7.1 .*Client host rejected",
            log="reject: RCPT from .*55[34] 5.7.1 .*{t}",
            session=Session.LOGGED_IN,
        )
    for name, command in (
        ("wrong password", "AUTH PLAIN {wrong_login}"),
        ("another's identity", "AUTH PLAIN {login_as_root}"),
        ("AUTH without credentials", "AUTH PLAIN ="),
        ("AUTH ANONYMOUS", "AUTH ANONYMOUS e3R9"),
    ):
        yield Trick(
            name=name,
            port=SUBMISSION,
            steps=(command, FROM_OUTSIDE, TO_VICTIM),
            answer="535 5.7.8 Error: authentication failed",
            log="SASL [A-Z]+ authentication failed",
        )


def delivery_notices() -> Iterator[Trick]:
    """Yield attempts to have a notice sent to the victim, by the victim's address as the sender."""
    for name, parameters in (
        ("success notice", "NOTIFY=SUCCESS"),
        ("every notice", "NOTIFY=SUCCESS,DELAY,FAILURE ORCPT=rfc822;{t}@victim.example"),
    ):
        yield Trick(
            name=name,
            port=PUBLIC,
            steps=("MAIL FROM:<{t}@victim.example> RET=FULL", f"{TO_OWN} {parameters}", "DATA", MESSAGE),
            answer="250 2.0.0 Ok",
            log="orig_to=<{t}@{own}>",
            origin=Origin.INSIDE,
        )


def smuggling() -> Iterator[Trick]:
    """Yield attempts to hide a second mail in the first, after each stray end, at each port."""
    hidden = f"MAIL FROM:<{{t}}@stranger.example>\r\n{TO_VICTIM}\r\nDATA\r\nSubject: hidden\r\n\r\nsmuggled\r\n.\r\n"
    ways = ((INSIDE, Session.GREETED), (PUBLIC, Session.GREETED), (SUBMISSION, Session.LOGGED_IN))
    for (port, session), (name, end) in product(ways, STRAY_ENDS.items()):
        yield Trick(
            name=f"smuggling by {name}",
            port=port,
            steps=("MAIL FROM:<{t}@{own}>", TO_OWN, "DATA", f"Subject: {{t}}\r\n\r\nfirst{end}{hidden}"),
            answer="^250 2.0.0 Ok: queued|550 5.5.2 .*bare <LF> received",
            log=r"reject: END-OF-MESSAGE .*bare <LF> received.*{t}|orig_to=<{t}@{own}>",
            session=session,
            origin=Origin.INSIDE,
        )
