"""`make demo`: starts the stack, sends one mail, shows the mail at the relay, its trace, its status and the metrics."""

import json

from dev.demo.services import (
    API,
    METRICS,
    SANDBOX,
    Json,
    draw_trace,
    find_by_id,
    find_status,
    find_trace,
    samples,
    send,
    switch_off_faults,
)
from dev.demo.stack import heading, indented, refuse_other_stacks, start, wait_for


def demo() -> None:
    """Start the stack, send one mail, and show the mail, its trace and the metrics that changed."""
    refuse_other_stacks()
    heading("Building and starting (a few minutes the first time, seconds afterwards)")
    start()
    switch_off_faults()
    before = samples()
    heading(f"POST {API}/send, as a website would")
    answer = send()
    print(f"  {json.dumps(answer)}")
    mail = wait_for("the mail at the relay", lambda: find_by_id(answer["id"]))
    heading("The mail as the relay received it")
    show_mail(mail)
    trace_id = wait_for("the trace", lambda: find_trace(answer["id"]))
    heading(f"Its trace {trace_id}, from the HTTP request to the relay's answer")
    print(indented(draw_trace(trace_id)))
    heading(f"GET {API}{answer['status_url']}: the status of the mail")
    show_status(wait_for("the final status", lambda: find_status(answer["status_url"])))
    heading("The metrics that changed")
    # The exporter counts an attempt before it sends the spans, so the counters are complete here.
    show_changed(before, samples())
    show_next_steps(trace_id, answer["id"])


def show_mail(mail: Json) -> None:
    """Print the mail at the relay: envelope, headers and body."""
    print(f"  from {mail['sender']} to {', '.join(mail['recipients'])} over {mail['tls_version']}")
    for name, value in mail["headers"]:
        print(f"  {name}: {value}")
    print(f"\n{indented(mail['text'] or '')}")
    print(f"  (The mailbox shows From: {dict(mail['delivered_headers'])['From']}: Gmail replaces it by its account.)")


def show_status(status: Json) -> None:
    """Print the state of the mail and of its recipients."""
    for name in ("state", "created", "queued", "finished", "attempts", "queue_id", "trace_id"):
        print(f"  {name}: {status[name]}")
    for one in status["recipients"]:
        print(f"  {one['recipient']}: {one['state']} by {one['relay']}: {one['reply']}")


def show_changed(before: dict[str, float], after: dict[str, float]) -> None:
    """Print the mail counters that are higher than before."""
    for name, value in after.items():
        counted = name.startswith(("postfix_", "mail_")) and ("_total" in name or "_sum" in name)
        if counted and value > before.get(name, 0):
            print(f"  {name}  {before.get(name, 0):g} → {value:g}")


def show_next_steps(trace_id: str, message_id: str) -> None:
    """Print where to look next and how to stop the demo."""
    heading("Look around")
    for what, where in (
        ("mails, faults, traces", f"{SANDBOX}/"),
        ("this trace", f"{SANDBOX}/traces/{trace_id}/tree"),
        ("the history of this mail", f"docker exec mail-exporter mail-exporter explain {message_id}"),
        ("the API", f"{API}/docs"),
        *((f"metrics of {name}", url) for name, url in METRICS.items()),
        ("the mail log", "docker logs mail-server"),
        ("break something", f"curl -X PUT {SANDBOX}/faults/wrong_password   (undo: curl -X DELETE {SANDBOX}/faults)"),
        ("stop", "make demo-down"),
    ):
        print(f"  {what:<24} {where}")
