"""Events of log lines, taken from a real Postfix: version 3.10 unless the id has another one."""

import pytest

from mail_exporter.events import (
    NO_EVENT,
    AbortKind,
    AttemptLogged,
    AuthenticationFailed,
    ClientConnected,
    ClientRejected,
    ClientScreened,
    DeliveryStatus,
    HostFailed,
    LogEvent,
    LogSeverity,
    MailAccepted,
    MailActivated,
    MailExpired,
    MailRemoved,
    MessageIdSeen,
    NoticeKind,
    NoticeSent,
    PostscreenVerdict,
    ProblemLogged,
    RejectReason,
    ServerState,
    ServerStateChanged,
    SessionAborted,
    TlsEstablished,
    TraceContextSeen,
)
from mail_exporter.parse import parse
from mail_exporter.parse.grammar import arrival_time

Q = "4jXSsP52xGzDhqX"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03"
TLS = "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange x25519 server-signature ECDSA"
ENVELOPE = "from=<a@b.c> to=<x@y.z> proto=ESMTP helo=<h>"


def case(daemon: str, text: str, expected: LogEvent | None, name: str) -> object:
    """Return the parameters of one line."""
    return pytest.param(daemon, text, expected, id=f"{daemon}: {name}")


@pytest.mark.parametrize(
    ("daemon", "text", "expected"),
    [
        case("smtpd", f"{Q}: client=web[172.18.0.5]", MailAccepted(Q), "client"),
        case("smtpd", f"{Q}: client=x[1.2.3.4], sasl_method=PLAIN, sasl_username=a", MailAccepted(Q), "with login"),
        case("smtpd", f"{Q}: client=api[172.18.0.6], orig_queue_id={TRACE}", MailAccepted(Q, TRACE), "with trace"),
        case("smtpd", f"{Q}: client=api[172.18.0.6]:41234, orig_queue_id={TRACE}, orig_client=x[1.2.3.4]",
             MailAccepted(Q, TRACE), "with trace, port and client"),
        case("smtpd", f"{Q}: client=api[172.18.0.6], orig_queue_id={TRACE}{'0' * 200}", MailAccepted(Q), "no trace"),
        case("smtpd", f"{Q}: client=x[1.2.3.4], sasl_method=PLAIN, sasl_username=a, orig_queue_id={TRACE}",
             MailAccepted(Q), "a login that looks like a trace"),
        case("smtpd", "127C519E06E: client=localhost[127.0.0.1], orig_queue_id=ABCDEF1, orig_client=x[1.2.3.4]",
             MailAccepted("127C519E06E"), "from a content filter"),
        case("smtpd", "connect from web[172.18.0.5]", ClientConnected(), "connect"),
        case("smtpd", "connect from web[172.18.0.5]:51000", ClientConnected(), "connect, port logged"),
        case("smtpd", "connect from unknown[127.0.0.1]", NO_EVENT, "health check"),
        case("smtpd", "connect from unknown[::1]", NO_EVENT, "health check over IPv6"),
        case("smtpd", "disconnect from x[1.2.3.4] ehlo=1 rcpt=0/1 commands=1/2 notes=bare_lf", NO_EVENT, "disconnect"),
        case("smtpd", "NOQUEUE: lost connection after RSET from unknown[1.2.3.4]",
             SessionAborted(AbortKind.LOST), "lost"),
        case("smtpd", "lost connection after DATA (0 bytes) from unknown[1.2.3.4]",
             SessionAborted(AbortKind.LOST), "lost, 3.7"),
        case("smtpd", f"{Q}: timeout after END-OF-MESSAGE from unknown[1.2.3.4]",
             SessionAborted(AbortKind.TIMEOUT), "timeout"),
        case("smtpd", "too many errors after RCPT from unknown[1.2.3.4]",
             SessionAborted(AbortKind.ERRORS), "too many errors"),
        case("smtpd", "improper command pipelining after CONNECT from unknown[1.2.3.4]: EHLO api\\r\\n",
             ClientRejected(RejectReason.PROTOCOL), "pipelining"),
        case("smtpd", "warning: unknown[1.2.3.4]: SASL PLAIN authentication failed: authentication failure, "
             "sasl_username=admin@shop.test", AuthenticationFailed(), "wrong password"),
        case("smtpd", "warning: SASL authentication failure: Password verification failed",
             ProblemLogged(LogSeverity.WARNING), "what Cyrus says of it"),
        case("smtpd", "warning: Connection rate limit exceeded: 61 from unknown[1.2.3.4] for service 2525",
             ClientRejected(RejectReason.RATE), "anvil's limit"),
        case("smtpd", f"Anonymous TLS connection established from unknown[1.2.3.4]: {TLS}",
             TlsEstablished("in", "TLSv1.3", "anonymous"), "TLS"),
        case("smtpd", "fatal: no SASL authentication mechanisms", ProblemLogged(LogSeverity.FATAL), "fatal"),
        case("pickup", f"{Q}: uid=0 from=<root>", MailAccepted(Q), "local program"),
        case("cleanup", f"{Q}: info: header Traceparent: {TRACE} from "
             f"localhost[127.0.0.1]; {ENVELOPE}: mailtrace",
             TraceContextSeen(Q, TRACE), "traceparent"),
        case("cleanup", f"{Q}: info: header Traceparent: 00-0af7 from x; from=<a> : mailtrace", NO_EVENT, "cut trace"),
        case("cleanup", f"{Q}: message-id=<x, status=sent (y)@z>", MessageIdSeen(Q, "<x, status=sent (y)@z>"),
             "message id that imitates fields"),
        case("cleanup", f"{Q}: message-id=<>", MessageIdSeen(Q, "<>"), "no message id"),
        case("cleanup", f"{Q}: resent-message-id=<x@y>", NO_EVENT, "resent"),
        case("cleanup", f"{Q}: reject: header X-Loop: mail from x[1.2.3.4]; {ENVELOPE}: 5.4.6 forwarded before",
             ClientRejected(RejectReason.CONTENT), "header check"),
        case("cleanup", f"{Q}: milter-reject: END-OF-MESSAGE from x[1.2.3.4]: 5.7.1 spam; {ENVELOPE}",
             ClientRejected(RejectReason.CONTENT), "milter"),
        case("cleanup", f"{Q}: removed (canceled)", MailRemoved(Q), "canceled"),
        case("qmgr", f"{Q}: from=<a@b>, size=368, nrcpt=1 (queue active)", MailActivated(Q, 368, 1), "active"),
        case("qmgr", f'{Q}: from=<"x>, size=1, nrcpt=9 (queue active)"@b>, size=368, nrcpt=1 (queue active)',
             MailActivated(Q, 368, 1), "a sender that imitates fields"),
        case("qmgr", f"{Q}: removed", MailRemoved(Q), "removed"),
        case("qmgr", f"{Q}: from=<>, status=expired, returned to sender", MailExpired(Q), "expired"),
        case("qmgr", f"{Q}: from=<a@b>, status=force-expired, returned to sender", MailExpired(Q), "forced"),
        case("qmgr", f"{Q}: skipped, still being delivered", NO_EVENT, "skipped"),
        case("qmgr", "warning: private/smtp socket: malformed response", ProblemLogged(LogSeverity.WARNING), "warning"),
        case("smtp", f"{Q}: to=<a@gmail.com>, relay=smtp.gmail.com[142.250.1.1]:587, conn_use=2, delay=1.2, "
             "delays=0.1/0.02/0.9/0.18, tls=may:none, dsn=2.0.0, status=sent (250 2.0.0 OK 17 x-gsmtp)",
             AttemptLogged(Q, "a@gmail.com", "smtp.gmail.com[142.250.1.1]:587", 1.2, (0.1, 0.02, 0.9, 0.18),
                       "2.0.0", DeliveryStatus.SENT, "250 2.0.0 OK 17 x-gsmtp"),
             "sent over a reused connection, with 3.11's tls field"),
        case("smtp", f'{Q}: to=<"x>, relay=none, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)"@e.org>, '
             "relay=none, delay=30, delays=0/0/30/0, dsn=4.4.1, status=deferred (connect to 1.2.3.4[1.2.3.4]:587: "
             "Connection refused)",
             AttemptLogged(Q, '"x>, relay=none, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)"@e.org',
                       "none", 30.0, (0, 0, 30, 0), "4.4.1", DeliveryStatus.DEFERRED,
                       "connect to 1.2.3.4[1.2.3.4]:587: Connection refused"),
             "a recipient that imitates fields"),
        case("smtp", f"{Q}: to=<me@owner.test>, orig_to=<hi@shop.test>, relay=r[1.2.3.4]:587, delay=0.01, "
             "delays=0.01/0/0/0, dsn=5.1.1, status=bounced (host r said: 550 x, status=sent (250 ok))",
             AttemptLogged(Q, "me@owner.test", "r[1.2.3.4]:587", 0.01, (0.01, 0, 0, 0), "5.1.1", DeliveryStatus.BOUNCED,
                       "host r said: 550 x, status=sent (250 ok)", forwarded=True),
             "forwarded; a reply that imitates fields"),
        case("error", f"{Q}: to=<a@b>, relay=none, delay=9, delays=9/0/0/0, dsn=4.7.8, status=deferred (delivery "
             "temporarily suspended: SASL authentication failed; server x said: 535 no)",
             AttemptLogged(Q, "a@b", "none", 9, (9, 0, 0, 0), "4.7.8", DeliveryStatus.DEFERRED,
                       "SASL authentication failed; server x said: 535 no", suspended=True),
             "suspended"),
        case("local", "127C519E06E: to=<root@mail>, orig_to=<root>, relay=local, delay=0.01, delays=0.01/0/0/0, "
             "dsn=5.2.2, status=SOFTBOUNCE (mailbox full)",
             AttemptLogged("127C519E06E", "root@mail", "local", 0.01, (0.01, 0, 0, 0), "5.2.2",
                       DeliveryStatus.SOFTBOUNCE,
                       "mailbox full", forwarded=True),
             "short queue id, soft bounce"),
        case("smtp", f"{Q}: to=<a@b>, relay=none, delay=1.2.3, delays=0/0/0/1, dsn=2.0.0, status=sent (x)", None,
             "a delay that is no number"),
        case("smtp", f"{Q}: to=<a@b>, relay=none, delay=1, delays=0/0/1, dsn=2.0.0, status=sent (x)", None,
             "a stage too few"),
        case("smtp", f"{Q}: to=<a@b>, relay=a b, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (x)", None,
             "a relay that is no word"),
        case("smtp", f"{Q}: to=<a@b>, relay=none, delay=1, delays=0/0/0/1, dsn=no, status=sent (x)", None,
             "a code that is no number"),
        case("smtp", f"{Q}: to=<a@b>, relay=none, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (x",
             AttemptLogged(Q, "a@b", "none", 1, (0, 0, 0, 1), "2.0.0", DeliveryStatus.SENT, "x"),
             "words without an end"),
        case("smtp", f"{Q}: to=<a@b>, relay=none, delay=1, delays=0/0/0/1, dsn=5.0.0, status=bounced",
             AttemptLogged(Q, "a@b", "none", 1, (0, 0, 0, 1), "5.0.0", DeliveryStatus.BOUNCED, ""),
             "no words"),
        case("error", f"{Q}: to=<a@b>, relay=none, delay=1, delays=0/0/0/1, dsn=4.0.0, status=deferred (delivery "
             "temporarily suspended: x",
             AttemptLogged(Q, "a@b", "none", 1, (0, 0, 0, 1), "4.0.0", DeliveryStatus.DEFERRED, "x", suspended=True),
             "suspended, words without an end"),
        case("cleanup", f"{Q}: to=<a@b>, relay=none, delay=1, delays=1/0/0/0, dsn=5.7.1, status=bounced (no)",
             AttemptLogged(Q, "a@b", "none", 1, (1, 0, 0, 0), "5.7.1", DeliveryStatus.BOUNCED, "no"),
             "bounced before it is queued"),
        case("smtp", f"{Q}: to=<a@b>, relay=none, delay=1, delays=0/0/0/1, dsn=5.0.0, status=boun", None,
             "a status without an end"),
        case("smtp", f"{Q}: to=<a@b>, relay=none, delay=1, delays=0/0/0/1, dsn=2.0.0, status=vanished (x)", None,
             "a status that Postfix does not have"),
        case("smtp", f"Verified TLS connection established to sandbox-relay[172.19.0.3]:587: {TLS}",
             TlsEstablished("out", "TLSv1.3", "verified"), "TLS"),
        case("smtp", f"Trusted TLS connection established to x[1.2.3.4]:587 to sni.x: TLSv9 {TLS}",
             TlsEstablished("out", "other", "trusted"), "TLS of the future, with SNI"),
        case("smtp", f"Verified TLS connection reused to sandbox-relay[172.19.0.3]:587: {TLS}", NO_EVENT, "TLS reused"),
        case("smtp", "connect to sandbox-relay[172.19.0.3]:2600: Connection refused", NO_EVENT, "refused, repeated"),
        case("smtp", f"{Q}: host x[1.2.3.4] said: 450 busy (in reply to RCPT TO command)",
             HostFailed("x[1.2.3.4]", "host x[1.2.3.4] said: 450 busy (in reply to RCPT TO command)"),
             "not the last one"),
        case("smtp", f"{Q}: host x[1.2.3.4] said: 450-4.2.1 busy 450 4.2.1 wait (in reply to RCPT TO command)",
             HostFailed("x[1.2.3.4]", "host x[1.2.3.4] said: 450-4.2.1 busy 450 4.2.1 wait (in reply to RCPT TO "
                        "command)", "4.2.1"),
             "not the last one, with a code"),
        case("smtp", f"{Q}: Server certificate not trusted", HostFailed("", "Server certificate not trusted"),
             "a host without a name"),
        case("smtp", f"{Q}: something new happened", None, "not understood, with a queue id"),
        case("smtpd", "warning: x[1.2.3.4]: SASL PLAIN authentication failed: authentication failure, "
             "sasl_username=temporary authentication server", AuthenticationFailed(),
             "a user name that imitates another failure"),
        case("smtp", "something new happened", None, "not understood"),
        case("smtp", "panic: something new happened", ProblemLogged(LogSeverity.PANIC), "panic"),
        case("bounce", f"{Q}: sender non-delivery notification: 4jXW7p6hNhzC61H",
             NoticeSent("4jXW7p6hNhzC61H", NoticeKind.FAILURE, Q), "failure"),
        case("bounce", f"{Q}: sender delay notification: 4jXW7p6hNhzC61H",
             NoticeSent("4jXW7p6hNhzC61H", NoticeKind.DELAY, Q), "delay"),
        case("bounce", f"{Q}: sender delivery status notification: 4jXW7p6hNhzC61H",
             NoticeSent("4jXW7p6hNhzC61H", NoticeKind.SUCCESS, Q), "success"),
        case("bounce", f"{Q}: postmaster non-delivery notification: 4jXW7p6hNhzC61H",
             NoticeSent("4jXW7p6hNhzC61H", NoticeKind.POSTMASTER, Q), "postmaster"),
        case("bounce", f"warning: {Q}: sender notification failed to <a@b>: mail system",
             ProblemLogged(LogSeverity.WARNING),
             "failed, 3.11"),
        case("postscreen", "PASS NEW [1.2.3.4]:51234", ClientScreened(PostscreenVerdict.PASS_NEW), "pass"),
        case("postscreen", "PREGREET 11 after 0.06 from [1.2.3.4]:51234: EHLO x\\r\\n",
             ClientScreened(PostscreenVerdict.PREGREET),
             "pregreet"),
        case("postscreen", "BLACKLISTED [1.2.3.4]:51234",
             ClientScreened(PostscreenVerdict.DENYLISTED), "listed, old word"),
        case("postscreen", "CONNECT from [1.2.3.4]:51234 to [5.6.7.8]:25", NO_EVENT, "connect"),
        *(
            case("postscreen", f"NOQUEUE: reject: RCPT from [1.2.3.4]:51234: {said}; {ENVELOPE}",
                 ClientRejected(reason), f"reject, {reason}")
            for said, reason in (
                ("550 5.7.1 Service unavailable; client [1.2.3.4] blocked using zen.x", RejectReason.BLOCKLIST),
                ("450 4.3.2 Service currently unavailable", RejectReason.UNAVAILABLE),
                ("521 5.5.1 Protocol error", RejectReason.PROTOCOL),
                ("421 4.3.2 No", RejectReason.CLIENT),
            )
        ),
        *(
            case(daemon, f"{Q}: milter-reject: END-OF-MESSAGE from x[1.2.3.4]: {said}; {ENVELOPE}",
                 ClientRejected(reason), f"milter, {reason}")
            for daemon in ("smtpd", "cleanup")
            for said, reason in (
                ("5.7.1 Command rejected", RejectReason.CONTENT),
                ("4.7.1 Service unavailable - try again later", RejectReason.UNAVAILABLE),
                ("4.7.1 Greylisting in action, please come back later", RejectReason.GREYLIST),
                ("4.7.1 Too many connections", RejectReason.RATE),
                ("5.7.1 1.2.3.4 is listed", RejectReason.BLOCKLIST),
            )
        ),
        case("postsuper", f"{Q}: removed", MailRemoved(Q), "removed"),
        case("postsuper", "Force-expired: 13 messages", NO_EVENT, "sum"),
        case("postsuper", "Released from hold: 1 message", NO_EVENT, "sum in several words"),
        case("master", "daemon started -- version 3.10.13, configuration /etc/postfix",
             ServerStateChanged(ServerState.STARTED), "start"),
        case("master", "reload -- version 3.10.13, configuration /etc/postfix",
             ServerStateChanged(ServerState.RELOADED), "reload"),
        case("master", "terminating on signal 15", ServerStateChanged(ServerState.STOPPED), "stop"),
        case("master", "warning: process /usr/lib/postfix/sbin/smtp pid 5 exit status 1",
             ProblemLogged(LogSeverity.WARNING), "daemon died"),
        case("anvil", "statistics: max connection rate 1/60s for (25:1.2.3.4) at Nov 22 12:00:00",
             NO_EVENT, "statistics"),
        case("scache", "statistics: domain lookup hits=3 miss=1 success=75%", NO_EVENT, "statistics"),
        case("tlsproxy", "CONNECT to [172.19.0.3]:587", NO_EVENT, "connect"),
        case("tlsproxy", f"Verified TLS connection established to x[1.2.3.4]:587: {TLS}",
             NO_EVENT, "smtp's line again"),
        case("postfix-script", "the Postfix mail system is running: PID: 275", NO_EVENT, "status"),
        case("newdaemon", "hello", None, "unknown"),
        case("newdaemon", "error: hello", ProblemLogged(LogSeverity.ERROR), "unknown, but severe"),
    ],
)  # fmt: skip
def test_event(daemon: str, text: str, expected: LogEvent | None) -> None:
    """A line is parsed to its event, and text of clients does not change the event."""
    assert expected == parse(daemon, text)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        pytest.param("554 5.7.1 <x@y.z>: Relay access denied", RejectReason.RELAY_DENIED, id="relay"),
        pytest.param("550 5.1.1 <x@y.z>: Recipient address rejected: User unknown",
                     RejectReason.RECIPIENT, id="recipient"),
        pytest.param("550 5.7.1 <x@y.z>: Recipient address rejected: This port takes mail for shop.test only",
                     RejectReason.RECIPIENT, id="our own text"),
        pytest.param("553 5.7.1 <a@b.c>: Sender address rejected: not yours", RejectReason.SENDER, id="sender"),
        pytest.param("554 5.7.1 <u[1.2.3.4]>: Client host rejected: Access denied", RejectReason.CLIENT, id="client"),
        pytest.param("554 5.7.1 Service unavailable; Client host [1.2.3.4] blocked using z",
                     RejectReason.BLOCKLIST, id="dnsbl"),
        pytest.param("554 5.7.1 Service unavailable; Sender address [a@b.c] blocked using z",
                     RejectReason.BLOCKLIST, id="dnsbl for a sender"),
        pytest.param("451 4.3.0 <x@y.z>: Temporary lookup failure", RejectReason.UNAVAILABLE, id="lookup"),
        pytest.param("421 4.7.0 mx Error: too many connections from 1.2.3.4", RejectReason.RATE, id="connections"),
        pytest.param("521 5.5.1 Protocol error", RejectReason.PROTOCOL, id="protocol error"),
        pytest.param("450 4.1.1 <x@y.z>: Recipient address rejected: unverified address: host z said: 450 Service "
                     "unavailable, greylisted", RejectReason.RECIPIENT, id="the text of another server"),
        pytest.param("504 5.5.2 <x>: Helo command rejected: need fully-qualified hostname",
                     RejectReason.HELO, id="helo"),
        pytest.param("450 4.7.1 Error: too much mail from 1.2.3.4", RejectReason.RATE, id="too much mail"),
        pytest.param("450 4.2.0 <x@y.z>: Recipient address rejected: Greylisted",
                     RejectReason.GREYLIST, id="greylisted"),
        pytest.param("552 5.3.4 Message size exceeds fixed limit", RejectReason.SIZE, id="size"),
        pytest.param("503 5.5.0 <DATA>: Data command rejected: Improper use of SMTP command pipelining",
                     RejectReason.PROTOCOL, id="pipelining"),
        pytest.param("450 4.3.2 <x@y.z>: mystery", RejectReason.OTHER, id="other"),
        pytest.param('550 5.1.1 <"x>: Relay access denied"@y.z>: Recipient address rejected: no',
                     RejectReason.RECIPIENT,
                     id="an address that imitates a reason"),
        pytest.param("450 4.3.2 <x@y.z>: mystery; from=<spam@b.c> to=<virus@y.z>", RejectReason.OTHER,
                     id="an envelope that imitates a reason"),
    ],
)  # fmt: skip
def test_reject_reason(said: str, reason: RejectReason) -> None:
    """The reject reason comes from Postfix's text, not from the client's."""
    assert parse("smtpd", f"NOQUEUE: reject: RCPT from u[1.2.3.4]: {said}; {ENVELOPE}") == ClientRejected(reason)


@pytest.mark.parametrize(
    ("queue_id", "expected"),
    [
        pytest.param("127C519E06E", None, id="short"),
        pytest.param("4jXSsP52xGzDhqX", 1795350201.71101, id="long"),
        pytest.param("AAAAAAAAAAzBBB", None, id="vowels"),
    ],
)
def test_arrival_time(queue_id: str, expected: float | None) -> None:
    """A long queue id contains the arrival time to the microsecond."""
    assert expected == arrival_time(queue_id)
