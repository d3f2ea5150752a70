"""HTML pages of the sandbox: an overview and one page for each mail, without scripts; values are escaped."""

from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from mail_sandbox.inbox import ReceivedMail
from mail_sandbox.json_views import fault, iso
from mail_sandbox.state import Sandbox
from mail_sandbox.trace_tree import duration

NEWEST: Final = 100
"""How many mails, traces and alerts the overview lists."""

# A mail's HTML is shown in a frame without any permission, under a policy that loads nothing.
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("mail_sandbox"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"iso": iso, "duration": duration}
    return templates


_TEMPLATES: Final = _templates()


def overview(sandbox: Sandbox, *, listening: bool, refresh: bool) -> str:
    """Return the first page: faults, limit, mails, traces, alerts."""
    mails, traces = sandbox.inbox.find(), sandbox.spans.summaries()
    return _TEMPLATES.get_template("overview.html").render(
        refresh=refresh,
        listening=listening,
        faults=[fault(one) for one in sandbox.faults.active()],
        limit=sandbox.limit,
        mails=mails[:NEWEST],
        mail_total=len(mails),
        traces=traces[:NEWEST],
        trace_total=len(traces),
        alerts=sandbox.notifications.all()[-NEWEST:][::-1],
    )


def mail_page(mail: ReceivedMail) -> str:
    """Return the page of one mail, with the headers that its recipients see."""
    return _TEMPLATES.get_template("mail.html").render(mail=mail)
