"""`make demo`: the whole stack with the sandbox relay, one real mail through it, and what became of that mail."""

import argparse
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final, TypeVar

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from mail_telemetry.message_ids import message_id_header
from mail_telemetry.names import SpanName

ROOT: Final = Path(__file__).resolve().parent.parent
COMPOSE: Final = (
    *("docker", "compose"),
    *("-f", "docker-compose.mail.prod.yml", "-f", "docker-compose.sandbox.yml", "--env-file", "sandbox/sandbox.env"),
)
PROJECT: Final = "dinky-mail-sandbox"
CONTAINERS: Final = ("mail-server", "mail-api", "mail-exporter", "sandbox-relay")
PORTS: Final = {
    20001: "the API",
    8025: "the sandbox's page",
    2525: "incoming mail",
    5587: "submission",
    9464: "the API's metrics",
    9154: "the exporter's metrics",
}
API: Final = "http://localhost:20001"
SANDBOX: Final = "http://localhost:8025"
METRICS: Final = {"mail-api": "http://localhost:9464/metrics", "mail-exporter": "http://localhost:9154/metrics"}
DOMAIN: Final = "dinky.example"
SEED_EXAMPLE: Final = {
    "to": "recipient@example.com",
    "subject": "Contact Form Submission",
    "body": "Message body from the contact form",
}
FIRST_SPAN: Final = "POST /send"
LAST_SPAN: Final = SpanName.FINISH
DEADLINE_SECONDS: Final = 30
PROGRESS_SECONDS: Final = 15

T = TypeVar("T")


class DemoFailed(Exception):
    """The demo stopped; the message says at what, and where to look."""


def main() -> int:
    """Run the demo, or take it down with --down; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--down", action="store_true", help="stop the demo and delete its volumes")
    try:
        if parser.parse_args().down:
            compose("down", "--volumes", "--remove-orphans")
        else:
            demo()
    except (DemoFailed, httpx2.HTTPError) as failure:
        print(f"\ndemo: {failure}", file=sys.stderr)
        return 1
    return 0


def demo() -> None:
    """Bring the stack up, send one mail, and show the mail, its trace and the metrics that moved."""
    refuse_foreign_containers()
    refuse_taken_ports()
    heading("Building and starting (a few minutes the first time, seconds afterwards)")
    compose("up", "--detach", "--build", "--wait", "--quiet-pull")
    switch_off_faults()
    before = samples()
    heading(f"POST {API}/send, as a website would")
    answer = send()
    print(f"  {json.dumps(answer)}")
    mail = wait_for("the mail at the relay", lambda: find_mail(answer["id"]))
    heading("The mail as the relay received it")
    show_mail(mail)
    trace_id = wait_for("the trace", lambda: find_trace(answer["id"]))
    heading(f"Its trace {trace_id}, from the HTTP request to the relay's answer")
    print(indented(httpx2.get(f"{SANDBOX}/traces/{trace_id}/tree").text))
    heading(f"GET {API}{answer['status_url']}: what became of it")
    show_status(wait_for("the end of the mail", lambda: find_status(answer["status_url"])))
    heading("The metrics that moved")
    # The exporter counts an attempt before it sends the spans, so that the counters stand by now.
    show_moved(before, samples())
    show_farewell(trace_id, answer["id"])


def refuse_foreign_containers() -> None:
    """Stop when the containers' names are taken by something that is not the demo, production above all.

    Raises:
        DemoFailed: a name is taken.
    """
    template = '{{index .Config.Labels "com.docker.compose.project"}}'
    for name in CONTAINERS:
        found = run("docker", "inspect", "--type=container", "--format", template, name)
        if found.returncode == 0 and found.stdout.strip() != PROJECT:
            raise DemoFailed(
                f"a container named {name} is there already and is not the demo's. The demo uses the names of "
                f"production: stop that stack first, or run the demo on another machine."
            )


def refuse_taken_ports() -> None:
    """Stop when a port of the demo is taken by something that is not the demo.

    Raises:
        DemoFailed: a port is taken.
    """
    if run(*COMPOSE, "ps", "--quiet").stdout.strip():
        return  # by the demo itself
    for port, what in PORTS.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise DemoFailed(f"port {port} of this machine is taken; the demo needs it for {what}") from None


def switch_off_faults() -> None:
    """Make the relay well again, and say so, where an earlier try left a fault on."""
    faults = httpx2.get(f"{SANDBOX}/faults").json()["active"]
    if faults:
        httpx2.delete(f"{SANDBOX}/faults")
        print(f"  switched off what was left on at the relay: {', '.join(fault['name'] for fault in faults)}")


def send() -> dict[str, Any]:
    """Post the seed's example and return the answer.

    Raises:
        DemoFailed: the API did not accept it.
    """
    response = httpx2.post(f"{API}/send", json=SEED_EXAMPLE, timeout=DEADLINE_SECONDS)
    answer: dict[str, Any] = response.json()
    if not answer.get("success"):
        raise DemoFailed(f"the API answered {response.status_code}: {answer}; see `docker logs mail-api`")
    return answer


def find_mail(message_id: str) -> dict[str, Any] | None:
    """Return the mail as the sandbox relay has it, or None when it is not there yet."""
    header = message_id_header(message_id, DOMAIN)
    found: list[dict[str, Any]] = httpx2.get(f"{SANDBOX}/messages", params={"message_id": header}).json()
    return found[0] if found else None


def find_trace(message_id: str) -> str | None:
    """Return the id of the mail's trace once the API's and Postfix's last spans are there."""
    for trace in httpx2.get(f"{SANDBOX}/traces", params={"limit": 20}).json():
        spans = httpx2.get(f"{SANDBOX}/traces/{trace['trace_id']}").json()["spans"]
        ours = any(span["attributes"].get("mail.message_id") == message_id for span in spans)
        if ours and {FIRST_SPAN, LAST_SPAN} <= {span["name"] for span in spans}:
            return str(trace["trace_id"])
    return None


def samples() -> dict[str, float]:
    """Return every sample of both services, by its name and labels."""
    found = {}
    for url in METRICS.values():
        for family in text_string_to_metric_families(httpx2.get(url).text):
            for sample in family.samples:
                labels = ",".join(f'{name}="{value}"' for name, value in sample.labels.items())
                found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def show_mail(mail: dict[str, Any]) -> None:
    """Print what the relay got: envelope, headers and body."""
    print(f"  from {mail['sender']} to {', '.join(mail['recipients'])} over {mail['tls_version']}")
    for name, value in mail["headers"]:
        print(f"  {name}: {value}")
    print(f"\n{indented(mail['text'] or '')}")
    print(f"  (Its mailbox shows From: {dict(mail['delivered_headers'])['From']}, for Gmail writes its account there.)")


def find_status(path: str) -> dict[str, Any] | None:
    """Return what the API says of a mail that has left, or None while it has not."""
    status: dict[str, Any] = httpx2.get(f"{API}{path}").json()
    return status if status["finished"] else None


def show_status(status: dict[str, Any]) -> None:
    """Print the state of the mail and of its recipients."""
    for name in ("state", "created", "queued", "finished", "attempts", "queue_id", "trace_id"):
        print(f"  {name}: {status[name]}")
    for one in status["recipients"]:
        print(f"  {one['recipient']}: {one['state']} by {one['relay']}: {one['reply']}")


def show_moved(before: dict[str, float], after: dict[str, float]) -> None:
    """Print the counters of mail that are higher than before."""
    for name, value in after.items():
        counted = name.startswith(("postfix_", "mail_")) and ("_total" in name or "_sum" in name)
        if counted and value > before.get(name, 0):
            print(f"  {name}  {before.get(name, 0):g} → {value:g}")


def show_farewell(trace_id: str, message_id: str) -> None:
    """Print where to look next and how to stop."""
    heading("Look around")
    for what, where in (
        ("mails, faults, traces", f"{SANDBOX}/"),
        ("this trace", f"{SANDBOX}/traces/{trace_id}/tree"),
        ("the life of this mail", f"docker exec mail-exporter mail-exporter explain {message_id}"),
        ("the API", f"{API}/docs"),
        *((f"metrics of {name}", url) for name, url in METRICS.items()),
        ("the mail log", "docker logs mail-server"),
        ("break something", f"curl -X PUT {SANDBOX}/faults/wrong_password   (undo: curl -X DELETE {SANDBOX}/faults)"),
        ("stop", "make demo-down"),
    ):
        print(f"  {what:<24} {where}")


def compose(*arguments: str, overlay: Sequence[str] = COMPOSE) -> None:
    """Run Docker Compose on the demo's project, with its files or those of an overlay.

    Its progress goes to the terminal; where there is none, a line from time to time, and its words if it fails.

    Raises:
        DemoFailed: Compose failed.
    """
    with TemporaryFile() as words:
        out = None if sys.stdout.isatty() else words
        process = subprocess.Popen([*overlay, *arguments], cwd=ROOT, stdout=out, stderr=out)
        started = time.monotonic()
        while not ended(process, PROGRESS_SECONDS):
            if out:
                print(f"  still at it after {time.monotonic() - started:.0f} s", flush=True)
        if process.returncode == 0:
            return
        words.seek(0)
        sys.stderr.write(words.read().decode(errors="replace"))
    raise DemoFailed(
        f"docker compose {arguments[0]} failed; its words stand above, and each container's own in "
        f"`docker logs NAME` ({', '.join(CONTAINERS)})"
    )


def ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait that long for a process and tell whether it has ended."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command and keep its output."""
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)


def wait_for(what: str, look: Callable[[], T | None], seconds: float = DEADLINE_SECONDS) -> T:
    """Look until something is there.

    Raises:
        DemoFailed: it was not there in time.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        time.sleep(0.2)
    raise DemoFailed(f"{what} did not come in {seconds:.0f} s; see `docker logs mail-server` and mail-exporter")


def heading(text: str) -> None:
    """Print a line that begins a part."""
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


def indented(text: str) -> str:
    """Return the text with two spaces before every line."""
    return "\n".join(f"  {line}" for line in text.splitlines())


if __name__ == "__main__":
    sys.exit(main())
