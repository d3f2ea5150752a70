"""JSON bodies of the control page; times are in ISO 8601 (UTC)."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from mail_sandbox.attempts import Attempt
from mail_sandbox.fault_board import FaultBoard
from mail_sandbox.faults import KINDS, Fault
from mail_sandbox.inbox import ReceivedMail
from mail_sandbox.notifications import ReceivedAlert
from mail_sandbox.sending_limit import SendingLimit
from mail_sandbox.spans import Span, SpanStore, TraceSummary

Json = dict[str, Any]

_SECOND = 1_000_000_000


def iso(seconds: float) -> str:
    """Return Unix time as `2026-11-22T13:40:01.250Z`."""
    moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def message(mail: ReceivedMail) -> Json:
    """Return a mail: envelope, headers as sent and as delivered, bodies."""
    return {
        "id": mail.id,
        "received_at": iso(mail.received_at),
        "session": mail.session,
        "account": mail.account,
        "tls_version": mail.tls_version,
        "sender": mail.sender,
        "recipients": list(mail.recipients),
        "subject": mail.subject,
        "message_id": mail.message_id,
        "headers": [list(pair) for pair in mail.headers],
        "delivered_headers": [list(pair) for pair in mail.delivered_headers],
        "text": mail.text,
        "html": mail.html,
        "attachments": [
            {"filename": part.filename, "content_type": part.content_type, "size": part.size}
            for part in mail.attachments
        ],
        "size": len(mail.received),
    }


def notified(one: ReceivedAlert) -> Json:
    """Return a received alert."""
    return {
        "received_at": iso(one.time),
        "receiver": one.receiver,
        "status": one.alert.status,
        "name": one.alert.labels.get("alertname", ""),
        "severity": one.alert.labels.get("severity", ""),
        "summary": one.alert.annotations.get("summary", ""),
        "description": one.alert.annotations.get("description", ""),
        "labels": one.alert.labels,
        "annotations": one.alert.annotations,
    }


def fault(one: Fault) -> Json:
    """Return a fault that is on, with the parameters that are set."""
    values = {
        "name": one.name,
        "at": one.at,
        "count": one.count,
        "seconds": one.seconds,
        "kind": one.kind,
        "recipient": one.recipient,
        "sender": one.sender,
        "text": one.text,
    }
    return {name: value for name, value in values.items() if value is not None}


def faults(board: FaultBoard) -> Json:
    """Return the faults that are on, and the list of all faults."""
    return {
        "active": [fault(one) for one in board.active()],
        "known": [
            {"name": name, "does": kind.summary, "takes": sorted(kind.takes), "at": list(kind.stages)}
            for name, kind in KINDS.items()
        ],
    }


def limit(sending: SendingLimit) -> Json:
    """Return the limit, what is used of it, and when the next recipient leaves the window."""
    release = sending.next_release
    return {
        "limit": sending.rule.limit,
        "window_seconds": sending.rule.window_seconds,
        "at": sending.rule.at,
        "used": sending.used,
        "remaining": sending.remaining,
        "next_release": None if release is None else iso(release),
    }


def attempt(one: Attempt) -> Json:
    """Return one reply of the relay."""
    return {
        "time": iso(one.time),
        "session": one.session,
        "peer": one.peer,
        "stage": one.stage,
        "reply": one.reply,
    }


def summary(trace: TraceSummary) -> Json:
    """Return the summary of a trace."""
    return {
        "trace_id": trace.trace_id,
        "root": trace.root,
        "span_count": trace.span_count,
        "services": list(trace.services),
        "started_at": iso(trace.start / _SECOND),
        "duration_seconds": (trace.end - trace.start) / _SECOND,
        "errors": trace.errors,
        "duplicates": trace.duplicates,
    }


def span(one: Span) -> Json:
    """Return a span; times are in Unix nanoseconds."""
    return {
        "name": one.name,
        "kind": one.kind,
        "span_id": one.span_id,
        "parent_span_id": one.parent_span_id,
        "start_time_unix_nano": one.start,
        "end_time_unix_nano": one.end,
        "service": one.service,
        "attributes": dict(one.attributes),
        "events": [
            {"name": event.name, "time_unix_nano": event.time, "attributes": dict(event.attributes)}
            for event in one.events
        ],
        "links": [{"trace_id": link.trace_id, "span_id": link.span_id} for link in one.links],
        "status": {"code": one.status, "message": one.status_message},
    }


def trace(trace_id: str, spans: Sequence[Span], store: SpanStore) -> Json:
    """Return a whole trace, its spans by start time."""
    return {
        "trace_id": trace_id,
        "duplicates": store.duplicates(trace_id),
        "spans": [span(one) for one in spans],
    }
