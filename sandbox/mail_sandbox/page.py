"""The pages for people: plain HTML, no script; whatever came from a mail or a span is escaped."""

from collections.abc import Iterable, Sequence
from html import escape

from mail_sandbox.inbox import ReceivedMail
from mail_sandbox.limit import SendingLimit
from mail_sandbox.notifications import Notified
from mail_sandbox.replies import Answer
from mail_sandbox.spans import TraceSummary
from mail_sandbox.state import Sandbox
from mail_sandbox.tree import duration
from mail_sandbox.views import fault as fault_json
from mail_sandbox.views import iso

NEWEST = 100
"""How many mails and traces the overview lists."""

# A mail's HTML is shown in a frame that may do nothing, under a policy that loads nothing.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; padding: .5rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8886;
  overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
iframe { width: 100%; height: 24rem; border: 1px solid #8886; background: #fff; }
"""


def overview(sandbox: Sandbox, *, listening: bool, refresh: bool) -> str:
    """The first page: faults, limit, mails, traces."""
    mails = sandbox.inbox.find()
    traces = sandbox.spans.summaries()
    reload = (
        '<p>Reloads every 5 seconds. <a href="/">Stop</a></p>'
        if refresh
        else '<p><a href="/">Reload</a> · <a href="/?refresh=1">Reload every 5 seconds</a></p>'
    )
    return _document(
        "Dinky Mail sandbox",
        f"""<h1>Dinky Mail sandbox</h1>
<p>A relay that answers like Gmail, and a receiver of traces. Nothing that arrives here goes any further.</p>
{reload}
<h2>Faults</h2>
{_faults(sandbox, listening=listening)}
<p>All of them: <a href="/faults">/faults</a>. What each session was answered: <a href="/attempts">/attempts</a>.</p>
<h2>Sending limit</h2>
{_limit(sandbox.limit)}
<h2>Mails</h2>
{_mails(mails[:NEWEST], len(mails))}
<h2>Traces</h2>
{_traces(traces[:NEWEST], len(traces))}
<h2>Alerts</h2>
{_alerts(sandbox.notifications.all()[-NEWEST:])}""",
        refresh=refresh,
    )


def mail_page(mail: ReceivedMail) -> str:
    """One mail as its recipients see it."""
    rows = _rows([name, value] for name, value in mail.delivered_headers)
    parts = _rows([part.filename, part.content_type, f"{part.size} bytes"] for part in mail.attachments)
    attachments = (
        f"<h2>Attachments</h2><table><tr><th scope=col>Name<th scope=col>Type<th scope=col>Size</tr>{parts}</table>"
        if parts
        else ""
    )
    html = f'<h2>HTML</h2><iframe sandbox title="The mail\'s HTML" srcdoc="{escape(mail.html)}"></iframe>'
    return _document(
        mail.subject or "(no subject)",
        f"""<p><a href="/">All mails</a></p>
<h1>{escape(mail.subject or "(no subject)")}</h1>
<p>{iso(mail.received_at)} · from {escape(mail.sender or "<>")} · to {escape(", ".join(mail.recipients))}
· {len(mail.received)} bytes · {escape(mail.tls_version)}</p>
<h2>Text</h2>
<pre>{escape(mail.text) or "(none)"}</pre>
{html if mail.html else ""}
{attachments}
<h2>Headers, as delivered</h2>
<table><tr><th scope=col>Name<th scope=col>Value</tr>{rows}</table>
<p>The bytes: <a href="/messages/{mail.id}/raw">as received</a>,
<a href="/messages/{mail.id}/raw?version=delivered">as delivered</a>.</p>""",
    )


def _document(title: str, body: str, *, refresh: bool = False) -> str:
    again = '<meta http-equiv="refresh" content="5">' if refresh else ""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width">{again}<style>{_STYLE}</style></head>\n'
        f"<body><main>\n{body}\n</main></body></html>\n"
    )


def _faults(sandbox: Sandbox, *, listening: bool) -> str:
    active = [fault_json(fault) for fault in sandbox.faults.active()]
    items = "".join(
        f"<li><strong>{escape(fault.pop('name'))}</strong> "
        f"{escape(', '.join(f'{name} {value}' for name, value in fault.items()))}</li>"
        for fault in active
    )
    closed = "" if listening else "<p>The relay's ports are closed.</p>"
    return closed + (f"<ul>{items}</ul>" if items else "<p>None is switched on.</p>")


def _limit(limit: SendingLimit) -> str:
    release = limit.next_release
    full = f" New mail is answered with {Answer.LIMIT_REACHED.replace('_', ' ')}." if not limit.remaining else ""
    return (
        f"<p>{limit.used} of {limit.rule.limit} recipients used in {limit.rule.window_seconds:.0f} seconds."
        f"{f' The next is released at {iso(release)}.' if release else ''}{full}</p>"
    )


def _mails(mails: Sequence[ReceivedMail], total: int) -> str:
    if not mails:
        return "<p>None yet.</p>"
    rows = "".join(
        f"<tr><td>{iso(mail.received_at)}<td>{escape(mail.header('From'))}<td>{escape(', '.join(mail.recipients))}"
        f'<td><a href="/messages/{mail.id}/view">{escape(mail.subject or "(no subject)")}</a></tr>'
        for mail in mails
    )
    return (
        f"<table><caption>{_count(len(mails), total, 'mail')}, newest first</caption>"
        f"<tr><th scope=col>Received<th scope=col>From<th scope=col>To<th scope=col>Subject</tr>{rows}</table>"
    )


def _traces(traces: Sequence[TraceSummary], total: int) -> str:
    if not traces:
        return "<p>None yet.</p>"
    rows = "".join(
        f"<tr><td>{iso(trace.start / 1e9)}"
        f'<td><a href="/traces/{escape(trace.trace_id)}/tree">{escape(trace.root or "(no name)")}</a>'
        f"<td>{escape(', '.join(trace.services))}<td>{trace.span_count}<td>{trace.errors}"
        f"<td>{duration(trace.end - trace.start)}</tr>"
        for trace in traces
    )
    return (
        f"<table><caption>{_count(len(traces), total, 'trace')}, newest first</caption>"
        "<tr><th scope=col>Started<th scope=col>Root<th scope=col>Services<th scope=col>Spans"
        f"<th scope=col>Errors<th scope=col>Duration</tr>{rows}</table>"
    )


def _alerts(notified: Sequence[Notified]) -> str:
    if not notified:
        return "<p>None yet. An Alertmanager whose webhook is /notifications sends them here.</p>"
    rows = _rows(
        (
            iso(one.time),
            one.alert.status,
            one.alert.labels.get("severity", ""),
            one.alert.annotations.get("summary", ""),
        )
        for one in reversed(notified)
    )
    head = "<tr><th scope=col>Received<th scope=col>Status<th scope=col>Severity<th scope=col>What</tr>"
    return f"<table>{head}{rows}</table>"


def _count(shown: int, total: int, noun: str) -> str:
    plural = noun if total == 1 else f"{noun}s"
    return f"{total} {plural}" if shown == total else f"{shown} of {total} {plural}"


def _rows(rows: Iterable[Sequence[str]]) -> str:
    return "".join(f"<tr>{''.join(f'<td>{escape(cell)}' for cell in row)}</tr>" for row in rows)
