"""Requests to the demo's services: the API, the sandbox relay, the metrics, `mail-exporter explain`."""

from typing import Any, Final

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from dev.demo.stack import COMPOSE, DEADLINE_SECONDS, DemoFailed, run
from mail_telemetry.message_ids import message_id_header
from mail_telemetry.names import Attribute, SpanName

API: Final = "http://localhost:20001"
SANDBOX: Final = "http://localhost:8025"
METRICS: Final = {"mail-api": "http://localhost:9464/metrics", "mail-exporter": "http://localhost:9154/metrics"}
DOMAIN: Final = "dinky.example"
CONTACT_FORM: Final = {
    "to": "recipient@example.com",
    "subject": "Contact Form Submission",
    "body": "Message body from the contact form",
}
"""The mail that the README's example sends."""
FIRST_SPAN: Final = "POST /send"
LAST_SPAN: Final = SpanName.FINISH

Json = dict[str, Any]


# ---- The API


def post(subject: str = CONTACT_FORM["subject"]) -> httpx2.Response:
    """Post the contact form to the API."""
    return httpx2.post(f"{API}/send", json=CONTACT_FORM | {"subject": subject}, timeout=DEADLINE_SECONDS)


def send() -> Json:
    """Post the contact form and return the API's answer.

    Raises:
        DemoFailed: the API did not accept it.
    """
    response = post()
    answer: Json = response.json()
    if not answer.get("success"):
        raise DemoFailed(f"the API answered {response.status_code}: {answer}; see `docker logs mail-api`")
    return answer


def find_status(path: str) -> Json | None:
    """Return the API's status of a mail once the mail has left the queue, else None."""
    status: Json = httpx2.get(f"{API}{path}").json()
    return status if status["finished"] else None


# ---- The sandbox


def switch_off_faults() -> None:
    """Switch off faults that an earlier run left on at the relay, and print their names."""
    faults = httpx2.get(f"{SANDBOX}/faults").json()["active"]
    if faults:
        httpx2.delete(f"{SANDBOX}/faults")
        print(f"  switched off faults of an earlier run: {', '.join(fault['name'] for fault in faults)}")


def find_mail(**filters: str) -> Json | None:
    """Return the newest mail in the relay's inbox that passes the filters (`message_id`, `subject`), or None."""
    found: list[Json] = httpx2.get(f"{SANDBOX}/messages", params=filters).json()
    return found[0] if found else None


def find_by_id(message_id: str) -> Json | None:
    """Return the mail that the API sent under that id from the relay's inbox, or None."""
    return find_mail(message_id=message_id_header(message_id, DOMAIN))


def find_trace(message_id: str) -> str | None:
    """Return the id of the mail's trace once its first and last span were received, else None."""
    for trace in httpx2.get(f"{SANDBOX}/traces", params={"limit": 20}).json():
        spans = httpx2.get(f"{SANDBOX}/traces/{trace['trace_id']}").json()["spans"]
        ours = any(span["attributes"].get(Attribute.MESSAGE_ID) == message_id for span in spans)
        if ours and {FIRST_SPAN, LAST_SPAN} <= {span["name"] for span in spans}:
            return str(trace["trace_id"])
    return None


def attempts(message_id: str) -> list[Json]:
    """Return the spans of the mail's delivery attempts that were received so far, by number."""
    spans = [
        span
        for trace in httpx2.get(f"{SANDBOX}/traces", params={"limit": 20}).json()
        for span in httpx2.get(f"{SANDBOX}/traces/{trace['trace_id']}").json()["spans"]
        if span["name"] == SpanName.ATTEMPT and span["attributes"].get(Attribute.MESSAGE_ID) == message_id
    ]
    return sorted(spans, key=lambda span: int(span["attributes"][Attribute.ATTEMPT_NUMBER]))


def draw_trace(trace_id: str) -> str:
    """Return the drawing of a trace: one line for each span."""
    return httpx2.get(f"{SANDBOX}/traces/{trace_id}/tree").text


# ---- The exporter and the metrics


def explain(mail: str) -> str:
    """Return the output of `mail-exporter explain` for a message id or a queue id: the explanation, or an error."""
    done = run(*COMPOSE, "exec", "--no-TTY", "mail-exporter", "mail-exporter", "explain", mail)
    return done.stdout or done.stderr


def samples() -> dict[str, float]:
    """Return every sample of both services, by its name and labels."""
    found = {}
    for url in METRICS.values():
        for family in text_string_to_metric_families(httpx2.get(url).text):
            for sample in family.samples:
                labels = ",".join(f'{name}="{value}"' for name, value in sample.labels.items())
                found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def metric(name: str, **labels: str) -> float:
    """Return one of the exporter's samples.

    Raises:
        DemoFailed: the exporter has no such sample.
    """
    for family in text_string_to_metric_families(httpx2.get(METRICS["mail-exporter"]).text):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return float(sample.value)
    raise DemoFailed(f"mail-exporter has no metric {name}; see `docker logs mail-exporter`")
