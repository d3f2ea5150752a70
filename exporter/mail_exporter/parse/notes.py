"""Lines about configuration and sessions, most of which several daemons log: lookup tables, filters, header actions."""

import re
from typing import Final

from mail_exporter.events import LogEvent, LogNote, NoteLogged
from mail_exporter.parse.grammar import QUEUE_ID

_COMPLAINT: Final = re.compile(r"(?:warning|error|fatal|panic): ")
_OF_MAILS: Final[dict[LogNote, str]] = {
    LogNote.NOTICE_FAILED: r"status=deferred \([\w ]*failed",
    LogNote.HEADER_ACTION: r"[a-z-]+: (?:[a-z-]+ ){0,2}(?:header|body) ",
    LogNote.LINE_BROKEN: r"breaking line ",
    LogNote.TRANSPORT_PASSED: r"passing <.*> to transport=",
    LogNote.CLIENT_DELAYED: r"delay: ",
}
"""After a queue id or NOQUEUE."""
_OTHERS: Final[dict[LogNote, str]] = {
    LogNote.TABLE_CHANGED: r"table .* has changed -",
    LogNote.DEFAULT_USED: r"using backwards-compatible default setting ",
    LogNote.EHLO_KEYWORDS_DISCARDED: r"discarding EHLO keywords?: ",
    LogNote.COMMAND_REPLACED: r"replacing (?:\w+ ){1,3}\"",
    LogNote.DNS_RECORD_IGNORED: r"ignoring DNS RR: ",
    LogNote.STARTTLS_OFFERED: r"Host offered STARTTLS: ",
    LogNote.WRAPPERMODE_REQUIRED: r"(?:SMTPS|CLIENT) wrappermode |instead, send to \(port ",
    LogNote.TLS_REPORT_SUCCESS: r"TLSRPT: status=success",
    LogNote.TLS_REPORT_FAILURE: r"TLSRPT: ",
    LogNote.DSN_MAPPED: r"mapping DSN status ",
    LogNote.BARE_NEWLINE: r"bare <(?:LF|CR)> received ",
    LogNote.MAIL_PROXIED: r"NOQUEUE: client=|proxy-accept: ",
    LogNote.CERTIFICATE_UNVERIFIED: r"(?:client |server |CA )?certificate (?:peer name )?verification failed",
    LogNote.SNI_UNMATCHED: r"TLS SNI ",
    LogNote.STRESS: r"(?:entering|leaving) STRESS mode",
}
"""Without a prefix, or after a queue id or the name of a host."""


def _any_of(patterns: dict[LogNote, str]) -> str:
    return "|".join(f"(?P<{note.value}>{pattern})" for note, pattern in patterns.items())


_NOTE: Final = re.compile(rf"(?:NOQUEUE|{QUEUE_ID}): (?:{_any_of(_OF_MAILS)})|(?:\S+: )?(?:{_any_of(_OTHERS)})")
_NOTES: Final[dict[str, NoteLogged]] = {note.value: NoteLogged(note) for note in LogNote}


def parse(text: str) -> LogEvent | None:
    """Parse a line by its first words.

    table hash:/etc/postfix/virtual(0,lock|fold_fix) has changed -- restarting
    using backwards-compatible default setting smtp_tls_security_level=(empty)
    [192.0.2.7]:1234: discarding EHLO keywords: CHUNKING
    4jXSsP52xGzDhqX: replacing server reply "250-PIPELINING" with "250-X"
    4jXSsP52xGzDhqX: status=deferred (bounce failed)
    4jXSsP52xGzDhqX: strip: header Received: from x
    4jXSsP52xGzDhqX: TLSRPT: status=failure, domain=example.com, receiving_mx=x[192.0.2.7], failure_type=...
    4jXSsP52xGzDhqX: passing <root@example.org> to transport=lmtp
    NOQUEUE: delay: RCPT from x[192.0.2.7]: <b@example.org>: Recipient address triggers DELAY action; from=<...
    proxy-accept: END-OF-MESSAGE: 250 2.0.0 Ok: queued as 4jXSsQ3lJyzC60P; from=<...
    client certificate verification failed for x[192.0.2.7]: certificate has expired
    """
    found = _NOTE.match(text)
    return _NOTES[found.lastgroup] if found is not None and found.lastgroup else None


def parse_reindexed(text: str) -> LogEvent | None:
    """Parse a line of nbdb_reindexd(8), which converts lookup tables: `successfully executed 'postmap lmdb:/etc/x'`."""
    return parse(text) or (None if _COMPLAINT.match(text) else _NOTES[LogNote.TABLE_REINDEXED.value])
