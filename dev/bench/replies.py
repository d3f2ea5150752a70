"""Replies of relays and servers as Postfix logs them, one for each kind of failure."""

from typing import Final, NamedTuple

RELAY: Final = "smtp.gmail.com[142.250.102.108]"


class Reply(NamedTuple):
    """One kind of failed attempt."""

    weight: int
    """Its weight: how often it occurs, relative to the others."""
    dsn: str
    text: str
    """`SESSION` is the placeholder for the part that differs each time."""
    before: str = ""
    """A separate line that Postfix writes before it."""
    relay: str = f"{RELAY}:587"


ACCEPTED: Final = Reply(1, "2.0.0", "250 2.0.0 OK  1763813612 SESSION - gsmtp")

DEFERRALS: Final = (
    Reply(
        20,
        "4.4.1",
        f"connect to {RELAY}:587: Connection timed out",
        before=f"connect to {RELAY}:587: Connection timed out",
        relay="none",
    ),
    Reply(
        10,
        "4.4.1",
        f"connect to {RELAY}:587: Connection refused",
        before=f"connect to {RELAY}:587: Connection refused",
        relay="none",
    ),
    Reply(
        20,
        "4.7.28",
        f"host {RELAY} said: 421-4.7.28 Gmail has detected an unusual rate of mail. To protect 421 4.7.28  our users "
        "from spam, mail has been temporarily rate limited. SESSION - gsmtp "
        "(in reply to end of DATA command)",
    ),
    Reply(
        15,
        "4.7.0",
        f"host {RELAY} refused to talk to me: 421 4.7.0 Try again later, closing connection. (EHLO) SESSION - gsmtp",
    ),
    Reply(
        10,
        "4.7.8",
        f"SASL authentication failed; server {RELAY} said: 535-5.7.8 Username and Password not accepted. For more "
        "information, go to?535 5.7.8  https://support.google.com/mail/?p=BadCredentials "
        "SESSION - gsmtp",
    ),
    Reply(
        10,
        "4.7.0",
        f"SASL authentication failed; server {RELAY} said: 454 4.7.0 Too many login attempts, please try again later. "
        "SESSION - gsmtp",
    ),
    Reply(
        10,
        "4.4.5",
        f"host {RELAY} said: 550-5.4.5 Daily user sending limit exceeded. For more information on Gmail 550-5.4.5  "
        "sending limits go to 550 5.4.5  https://support.google.com/a/answer/166852 "
        "SESSION - gsmtp (in reply to end of DATA command)",
    ),
    Reply(10, "4.4.2", f"lost connection with {RELAY} while performing the EHLO handshake"),
    Reply(10, "4.4.2", f"conversation with {RELAY} timed out while sending message body"),
    Reply(
        10,
        "4.4.3",
        "Host or domain name not found. Name service error for name=smtp.gmail.com type=A: Host not found, try again",
        relay="none",
    ),
    Reply(
        5,
        "4.7.5",
        "Server certificate not verified",
        before=f"Untrusted TLS connection established to {RELAY}:587: "
        "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)",
    ),
    Reply(
        10,
        "4.7.1",
        "host mx.shop.example[203.0.113.25] said: 450 4.7.1 <visitor@shop.example>: Recipient address rejected: "
        "Greylisted, see https://postgrey.example/help/shop.example (in reply to RCPT TO command)",
        relay="mx.shop.example[203.0.113.25]:25",
    ),
    Reply(
        10,
        "4.2.2",
        f"host {RELAY} said: 452-4.2.2 The recipient's inbox is out of storage space. Please direct the 452 4.2.2 "
        "recipient to https://support.google.com/mail/?p=OverQuotaTemp SESSION - gsmtp (in reply to RCPT TO command)",
    ),
)

REFUSALS: Final = (
    Reply(
        60,
        "5.1.1",
        f"host {RELAY} said: 550-5.1.1 The email account that you tried to reach does not exist. Please try 550-5.1.1 "
        "double-checking the recipient's email address for typos or 550-5.1.1 unnecessary spaces. For more "
        "information, go to 550 5.1.1  https://support.google.com/mail/?p=NoSuchUser SESSION - gsmtp "
        "(in reply to RCPT TO command)",
    ),
    Reply(
        20,
        "5.7.26",
        f"host {RELAY} said: 550-5.7.26 Your email has been blocked because the sender is unauthenticated. Gmail "
        "requires all senders to authenticate with either SPF or DKIM. SESSION - gsmtp "
        "(in reply to end of DATA command)",
    ),
    Reply(
        10,
        "5.7.0",
        f"host {RELAY} said: 552-5.7.0 This message was blocked because its content presents a potential security "
        "issue. 552 5.7.0 https://support.google.com/mail/?p=BlockedMessage SESSION - gsmtp "
        "(in reply to end of DATA command)",
    ),
    Reply(
        10,
        "5.3.4",
        f"host {RELAY} said: 552-5.3.4 Your message exceeded Google's message size limits. SESSION - gsmtp "
        "(in reply to MAIL FROM command)",
    ),
)

REJECTS: Final = (
    "454 4.7.1 <{to}>: Relay access denied",
    "550 5.1.1 <{to}>: Recipient address rejected: User unknown in virtual alias table",
    "450 4.1.8 <{sender}>: Sender address rejected: Domain not found",
    "504 5.5.2 <WIN-{number}>: Helo command rejected: need fully-qualified hostname",
    "550 5.1.3 <{to}>: Recipient address rejected: Address with a route or a command in it",
)
"""Replies of smtpd at RCPT to clients from the internet."""
