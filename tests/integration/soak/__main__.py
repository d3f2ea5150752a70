"""`make soak`: mixed mail while every hop fails in turn, then a check of every mail's outcome. MINUTES=10."""

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import httpx2
from prometheus_client import CollectorRegistry
from testcontainers.core.docker_client import DockerClient

from mail_exporter.log_line import SYSLOG_NAMES
from mail_exporter.replay import replay
from tests.integration.soak import evidence, report
from tests.integration.soak.account import audit
from tests.integration.soak.memory import Memory, growth, largest
from tests.integration.soak.schedule import Step, settled, steps
from tests.integration.soak.traffic import Traffic
from tests.integration.stack import API_METRICS, EXPORTER, ROOT, SANDBOX, Json, Stack, until

OURS: Final = ("mail-server", "mail-api", "mail-exporter")
LOOK_SECONDS: Final = 3.0
DRAIN_SECONDS: Final = 150.0
LEDGER_SECONDS: Final = 30.0
OUTPUT_FOLDER: Final = ROOT / "build/soak"
ZERO_COUNTERS: Final = {
    API_METRICS: ("mail_api_spans_dropped_total",),
    EXPORTER: (
        "mail_exporter_spans_dropped_total",
        "mail_exporter_log_gaps_total",
        "mail_exporter_evicted_mails_total",
    ),
}
"""Counters that must stay at 0 in a soak, because its collector never fails."""


class Soak:
    """One run: the schedule, the traffic, and the measurements during it."""

    def __init__(self, stack: Stack, seconds: float) -> None:
        self.stack, self.seconds = stack, seconds
        self.memory: list[Memory] = []
        self.counted: dict[str, float] = {}
        self._docker = DockerClient().client
        self._ids = {service: str(stack.compose.get_container(service).ID) for service in (*OURS, "soak-sender")}
        self._began = time.monotonic()

    def run(self) -> list[Json]:
        """Execute the schedule under traffic; return the answers that the clients received."""
        key = self.stack.api_key("soak")["Authorization"].removeprefix("Bearer ")
        traffic = Traffic(self._ids["soak-sender"], f"soak{int(time.time())}", key)
        try:
            self._began = time.monotonic()
            for step in steps(self.seconds):
                self._pass(step.at)
                print(f"  {self._clock()} {step!s:32} {len(traffic.answers):5} mails answered", flush=True)
                self._do(step)
            self._pass(self.seconds)
            traffic.end()
        finally:
            traffic.kill()
        return traffic.answers

    def drain(self) -> None:
        """Wait until the queue is empty and every mail in the ledger is finished; the account reports the others."""
        try:
            until("an empty queue", lambda: not self.stack.execute("mail-server", "postqueue", "-j"), DRAIN_SECONDS)
            until("every end in the ledger", lambda: not evidence.open_mails(self.stack), LEDGER_SECONDS)
        except TimeoutError as error:
            print(f"  {error}", flush=True)

    def _clock(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        return f"{minutes:2}:{seconds:02}"

    def _pass(self, at: float) -> None:
        while (left := at - (time.monotonic() - self._began)) > 0:
            time.sleep(min(left, LOOK_SECONDS))
            self._look()

    def _look(self) -> None:
        now = time.monotonic() - self._began
        if now >= settled(self.seconds):
            for service in OURS:
                rows = self._docker.containers.get(self._ids[service]).top(ps_args="-o pid,rss,args")["Processes"]
                self.memory += largest(now, service, ((_program(row[-1]), int(row[1])) for row in rows))
        for port, names in ZERO_COUNTERS.items():
            try:
                samples = self.stack.samples(port)
            except (httpx2.HTTPError, ValueError):
                continue  # the service is restarting
            for sample in samples:
                if sample.name in names:
                    self.counted[sample.name] = max(self.counted.get(sample.name, 0), sample.value)

    def _do(self, step: Step) -> None:
        match step.act:
            case "fault":
                url = self.stack.url(SANDBOX, f"/faults/{step.what}")
                self.stack.http.put(url, json=dict(step.parameters)).raise_for_status()
            case "repair":
                self.stack.http.delete(self.stack.url(SANDBOX, f"/faults/{step.what}")).raise_for_status()
            case "rotate":
                self.stack.execute(step.what, "postfix", "logrotate")
            case "kill":
                self.stack.command("kill", "--signal", "KILL", step.what)
                self.stack.command("start", step.what)
            case _:
                self.stack.command(step.act, step.what)


def not_understood(log: str) -> dict[str, float]:
    """Return how many lines of the whole log the exporter cannot parse, by kind, as its replay counts them."""
    registry = CollectorRegistry()
    with TemporaryDirectory() as folder:
        path = Path(folder, "mail.log")
        path.write_text(log)
        _, examples = replay([str(path)], registry, relay="sandbox-relay", syslog_names=SYSLOG_NAMES)
    for line in examples:
        print(f"  not understood: {line}")
    kinds = ("foreign", "unsupported", "malformed")
    return {kind: registry.get_sample_value("postfix_log_lines_total", {"result": kind}) or 0.0 for kind in kinds}


def keep(log: str, answers: list[Json]) -> None:
    """Store the log and the clients' answers, for the analysis of a failure."""
    OUTPUT_FOLDER.mkdir(parents=True, exist_ok=True)
    (OUTPUT_FOLDER / "mail.log").write_text(log)
    (OUTPUT_FOLDER / "answers.jsonl").write_text("".join(f"{json.dumps(answer)}\n" for answer in answers))


@contextmanager
def running() -> Iterator[Stack]:
    """Run a separate stack with one recipient that the relay always refuses; remove it at the end."""
    stack = Stack("soak")
    try:
        with stack.running():
            fault = stack.url(SANDBOX, "/faults/unknown_recipient")
            stack.http.put(fault, json={"recipient": "refused@example.com"}).raise_for_status()
            yield stack
    finally:
        stack.compose.stop()  # also after an incomplete start


def main() -> int:
    """Run the soak and print the account; return 0 when no discrepancy was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    minutes = parser.parse_args().minutes
    print(f"Soak of {minutes:g} minutes: building and starting a stack of its own (a minute or two)", flush=True)
    with running() as stack:
        soak = Soak(stack, minutes * 60)
        answers = soak.run()
        print("  the traffic is over; waiting for the end of every mail", flush=True)
        soak.drain()
        log = evidence.log_text(stack)
        keep(log, answers)
        seen = evidence.gather(stack, answers, log)
    unknown = not_understood(log)
    troubles = report.troubles(audit(seen), growth(soak.memory), unknown, soak.counted)
    print(report.table(seen, growth(soak.memory), unknown, soak.counted, log.count("\n")))
    if troubles:
        print(f"The log and the clients' answers: {OUTPUT_FOLDER}")
    print("\n".join(["", *(f"DISCREPANCY: {trouble}" for trouble in troubles)]) if troubles else "No discrepancy.")
    return 1 if troubles else 0


def _program(command: str) -> str:
    """Return the name of a process's program: the last part of its path, or the script that Python runs."""
    words = [word.rpartition("/")[2] for word in command.split()]
    return next((word for word in words if word.startswith("mail-")), words[0])


if __name__ == "__main__":
    # Ctrl-C and SIGTERM remove the stack too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except (TimeoutError, httpx2.HTTPError, subprocess.CalledProcessError) as error:
        sys.exit(f"soak: {error}")
