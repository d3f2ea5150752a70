"""Where a mail's status and its trace can be looked at."""

from typing import Final

_PLACE: Final = "{trace_id}"


def parse_template(template: str | None) -> str | None:
    """Return TRACE_URL_TEMPLATE as it is.

    Raises:
        ValueError: it is no address, or has no place for the trace's id.
    """
    if template is not None and not (template.startswith(("https://", "http://")) and _PLACE in template):
        raise ValueError(f"is not an address that holds {_PLACE}")
    return template


def trace_url(template: str | None, trace_id: str | None) -> str | None:
    """Return where the trace can be looked at, if there is a trace and a place for it."""
    return template.replace(_PLACE, trace_id) if template and trace_id else None


def status_url(message_id: str) -> str:
    """Return the mail's status as a path below the API's own address, which only its proxy knows."""
    return f"/messages/{message_id}"
