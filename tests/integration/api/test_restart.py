"""Load while the mail server restarts: mails answered 200 are delivered once, other answers have the outcome."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import httpx2
import pytest

from tests.integration.stack import API, API_METRICS, RECIPIENT, SANDBOX, Stack, until

CLIENTS: Final = 20
PAUSE_SECONDS: Final = 0.2
"""Between two mails of a client, so that the relay accepts all of them soon."""
UNKNOWN: Final = "outcome_unknown"


@dataclass
class Load:
    """Clients that send mail after mail, and record the answers."""

    url: str
    accepted: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    unknown: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def client(self, number: int) -> None:
        """Send mail after mail over one connection, and record each answer."""
        with httpx2.Client(timeout=40) as http:
            while not self.stop.is_set():
                mail = {"to": RECIPIENT, "subject": f"load {number}", "body": "x" * 2_000}
                try:
                    response = http.post(self.url, json=mail)
                except httpx2.HTTPError as problem:
                    self.broken.append(repr(problem))
                    continue
                self.record(response)
                time.sleep(PAUSE_SECONDS)

    def record(self, response: httpx2.Response) -> None:
        """Record the outcome in an answer."""
        answer = response.json()
        if response.status_code == 200:
            self.accepted.append(answer["id"])
        elif (response.status_code, answer["code"]) == (202, UNKNOWN):
            self.unknown.append(answer["id"])
        else:
            self.refused[f"{response.status_code} {answer['code']}"] += 1


@pytest.fixture
def high_relay_limit(stack: Stack) -> Iterator[None]:
    """Raise the relay's daily limit; afterwards restore it, with nothing used."""
    url = stack.url(SANDBOX, "/limit")
    usual = stack.http.get(url).json()["limit"]
    stack.http.put(url, json={"limit": 10_000}).raise_for_status()
    yield
    stack.http.put(url, json={"limit": usual, "used": 0}).raise_for_status()


def send_large_mails(url: str, until_time: float, answers: Counter[tuple[int, str]]) -> None:
    """Send mails of almost the largest size until that time, and count the answers."""
    mail = {"to": RECIPIENT, "subject": "large", "body": "x" * 950_000}
    with httpx2.Client(timeout=40) as http:
        while time.monotonic() < until_time:
            response = http.post(url, json=mail)
            answers[response.status_code, response.json()["code"]] += 1


def arrived(stack: Stack) -> Counter[str]:
    """Return how many times each of the API's mails was delivered to the relay."""
    found = stack.http.get(stack.url(SANDBOX, "/messages")).json()
    return Counter(mail["message_id"].strip("<>").partition(".")[0] for mail in found)


def memory(stack: Stack) -> float:
    """Return the API's resident memory, in bytes."""
    return stack.value(API_METRICS, "process_resident_memory_bytes")


@pytest.mark.usefixtures("high_relay_limit")
def test_load_while_mail_server_restarts(stack: Stack) -> None:
    """Every 200 is delivered exactly once, every failure is a 503 with a code, and memory does not grow."""
    stack.http.delete(stack.url(SANDBOX, "/messages"))
    before_all = stack.count_mails()
    load = Load(stack.url(API, "/send"))
    with ThreadPoolExecutor(CLIENTS) as clients:
        running = [clients.submit(load.client, number) for number in range(CLIENTS)]
        try:
            until("a first hundred", lambda: len(load.accepted) >= 100)
            before = memory(stack)
            stack.execute("mail-server", "postfix", "reload")
            reloaded = len(load.accepted)
            until("a hundred more", lambda: len(load.accepted) >= reloaded + 100)
            assert (load.refused, load.unknown) == (Counter(), []), "a reload must not be noticed"
            stack.command("restart", "mail-server")
            restarted = len(load.accepted)
            until("a hundred after the restart", lambda: len(load.accepted) >= restarted + 100)
            after = memory(stack)
        finally:
            load.stop.set()
        for client in running:
            client.result()
    assert load.broken == []
    assert {answer for answer in load.refused if not answer.startswith("503 ")} == set()
    until("as many mails at the relay", lambda: stack.count_mails() >= before_all + len(load.accepted), 60)
    until("every accepted mail at the relay", lambda: set(load.accepted) <= set(arrived(stack)))
    found = arrived(stack)
    assert {message_id: found[message_id] for message_id in load.accepted if found[message_id] != 1} == {}
    assert set(found) <= {*load.accepted, *load.unknown}
    assert after - before < 20e6, f"{before:.0f} bytes before, {after:.0f} after"


def test_large_mails_while_mail_server_is_down(stack: Stack) -> None:
    """A hundred clients with large mails get an answer while the mail server is down, and memory stays limited."""
    url, answers, most = stack.url(API, "/send"), Counter[tuple[int, str]](), 0.0
    stack.command("stop", "mail-server")
    try:
        end = time.monotonic() + 8
        with ThreadPoolExecutor(100) as clients:
            running = [clients.submit(send_large_mails, url, end, answers) for _ in range(100)]
            while not all(client.done() for client in running):
                most = max(most, memory(stack))
                assert stack.http.get(stack.url(API, "/health")).status_code == 200
                time.sleep(0.2)
            for client in running:
                client.result()
    finally:
        stack.start()
    assert set(answers) <= {(503, "too_many_requests"), (503, "mail_server_unreachable"), (503, "mail_server_busy")}
    assert len(answers) >= 2
    assert most < 200e6
