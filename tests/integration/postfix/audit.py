"""`make relay-audit`: the abuse battery against a running mail server, as a table.

Uses the demo if it is running, else starts the tests' stack. Exit status: 0 if every trick was withstood, 1 if not,
2 if mail was delivered to the victim.
"""

import re
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import groupby, islice
from typing import Final

from docker.client import DockerClient
from docker.errors import NotFound

from tests.integration.postfix.battery import HELLO, SUBMISSION, Origin, Session, Trick, tricks
from tests.integration.postfix.containers import Probe, Relay, Server, client_container
from tests.integration.postfix.dialogue import STARTTLS, plain
from tests.integration.stack import SANDBOX, Stack, until

DEMO: Final = ("mail-server", "sandbox-relay")
AT_A_TIME: Final = 8
"""Tricks in one connection: fewer than the errors after which Postfix delays a client (smtpd_soft_error_limit)."""

RATE_LIMIT_SECONDS: Final = 90
RATE_LIMITED: Final = re.compile(r"4\d\d 4\.7\.[01] .*too (much|many)")
"""The texts of Postfix's rate limits, which count per minute (anvil_rate_time_unit)."""

Talk = Callable[[int, tuple[str, ...]], list[str]]
"""Sends a script to a port of the server, and returns the replies."""


class Verdict(StrEnum):
    """The result of a trick."""

    WITHSTOOD = "withstood"
    OTHER_ANSWER = "other answer"
    NOT_LOGGED = "not in the log"
    RELAYED = "RELAYED"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A trick, the reply that decided it, and its line in the log."""

    trick: Trick
    answer: str
    log_line: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class _Try:
    trick: Trick
    steps: tuple[str, ...]
    answer: re.Pattern[str]
    log: re.Pattern[str]
    word: str


def audit(server: Server, relay: Relay, talk: Mapping[Origin, Talk], battery: Iterable[Trick]) -> list[Outcome]:
    """Try every trick and return the results."""
    values = _values(server)
    tries = [_filled_in(trick, values | {"t": f"t{uuid.uuid4().hex[:10]}"}) for trick in battery]
    before = len(server.log().splitlines())
    answers: dict[str, list[str]] = {}
    for batch in _batches(tries):
        attempt = partial(_talk, batch, talk[batch[0].trick.origin], server)
        answers |= until("the rate limits to let us in", lambda: _unless_rate_limited(attempt()), RATE_LIMIT_SECONDS)  # noqa: B023
    until("an empty queue", lambda: not server.queue())
    log = _log_of(tries, lambda: server.log().splitlines()[before:])
    recipients = {recipient for mail in relay.mails() for recipient in mail["recipients"]}
    return [_outcome(one, answers[one.trick.id], log, recipients) for one in tries]


def _values(server: Server) -> dict[str, str]:
    """Return the values for the placeholders of the battery's texts."""
    settings = server.settings
    user, password = settings["MAIL_USER"], settings["MAIL_PASSWORD"]
    return {
        "own": settings["MAIL_DOMAIN"],
        "me": settings["MAIL_HOSTNAME"],
        "ip": server.address,
        "login": plain(user, password).split()[-1],
        "wrong_login": plain(user, "letmein").split()[-1],
        "login_as_root": plain(user, password, identity="root").split()[-1],
    }


def _filled_in(trick: Trick, values: Mapping[str, str]) -> _Try:
    def fill(text: str, make: Callable[[str], str] = str) -> str:
        return re.sub(r"\{(\w+)\}", lambda found: make(values[found[1]]), text)

    return _Try(
        trick=trick,
        steps=tuple(fill(step) for step in trick.steps),
        answer=re.compile(fill(trick.answer, re.escape)),
        log=re.compile(fill(trick.log, re.escape)),
        word=values["t"],
    )


def _batches(tries: Iterable[_Try]) -> Iterator[list[_Try]]:
    """Yield tricks that share a connection."""
    for (_, session, _), group in groupby(tries, key=lambda one: (one.trick.port, one.trick.session, one.trick.origin)):
        while batch := list(islice(group, 1 if session is Session.FRESH else AT_A_TIME)):
            yield batch


def _unless_rate_limited(answers: dict[str, list[str]]) -> dict[str, list[str]] | None:
    """Return the answers, or None if one came from a rate limit, as in a second audit within a minute."""
    rate_limited = any(RATE_LIMITED.search(answer) for one in answers.values() for answer in one)
    return None if rate_limited else answers


def _talk(batch: list[_Try], talk: Talk, server: Server) -> dict[str, list[str]]:
    """Return the answers to each trick of a batch, by the trick's id."""
    first = batch[0].trick
    script: list[str] = []
    if first.session is not Session.FRESH:
        script += [HELLO, STARTTLS, HELLO] if first.port == SUBMISSION else [HELLO]
    if first.session is Session.LOGGED_IN:
        script.append(plain(server.settings["MAIL_USER"], server.settings["MAIL_PASSWORD"]))
    places: list[slice] = []
    for one in batch:
        places.append(slice(len(script) + 1, len(script) + 1 + len(one.steps)))  # the greeting comes first
        script += [*one.steps, "RSET"]
    if first.session is Session.FRESH:
        return {first.id: talk(first.port, batch[0].steps)}
    answers = talk(first.port, tuple(script))
    # A surplus answer means that hidden text was executed as a command.
    surplus = answers[len(script) + 1 :][:-1]
    return {one.trick.id: answers[place] + surplus for one, place in zip(batch, places, strict=True)}


def _log_of(tries: list[_Try], read: Callable[[], list[str]]) -> list[str]:
    """Return the log when it has a line for every trick, or after five seconds."""

    def complete() -> list[str] | None:
        lines = read()
        return lines if all(_line_of(one, lines) for one in tries) else None

    with suppress(TimeoutError):
        return until("all in the log", complete, 5)
    return read()


def _line_of(one: _Try, log: list[str]) -> str:
    """Return the line of the log about the trick, or an empty text."""
    return next((line for line in log if one.log.search(line)), "")


def _outcome(one: _Try, answers: list[str], log: list[str], recipients: set[str]) -> Outcome:
    settled = next((answer for answer in answers if one.answer.search(answer)), "")
    log_line = _line_of(one, log)
    if any(one.word in recipient for recipient in recipients):
        verdict = Verdict.RELAYED
    elif not settled:
        verdict = Verdict.OTHER_ANSWER
    else:
        verdict = Verdict.WITHSTOOD if log_line else Verdict.NOT_LOGGED
    return Outcome(one.trick, settled or " | ".join(answers), log_line, verdict)


@contextmanager
def targets() -> Iterator[tuple[Server, Relay]]:
    """Yield the mail server to try and its relay: those of the demo if it runs, else those of the tests."""
    client = DockerClient.from_env()
    try:
        server, sandbox = (Server(client.containers.get(name)) for name in DEMO)
    except NotFound:
        print("relay-audit: no demo is running; starting the tests' stack", flush=True)
        with Stack().running() as stack:
            yield stack_server(stack), Relay(stack.url(SANDBOX))
    else:
        print("relay-audit: trying the demo's mail server", flush=True)
        yield server, Relay("http://{}:{}".format(*sandbox.door(8080)))


def stack_server(stack: Stack) -> Server:
    """Return the stack's mail server."""
    return Server(stack.container("mail-server"))


@contextmanager
def talkers(server: Server) -> Iterator[dict[Origin, Talk]]:
    """Yield for each origin a function that talks to the server."""
    with client_container(network=server.network) as inside:
        probe = Probe(inside.get_wrapped_container())
        yield {
            Origin.OUTSIDE: lambda port, script: server.talk(port, *script),
            Origin.INSIDE: lambda port, script: probe.talk(server.address, port, *script),
        }


def table(outcomes: list[Outcome]) -> Iterator[str]:
    """Yield the lines of the table."""
    width = max(len(one.trick.name) for one in outcomes)
    yield f"{'port':>4}  {'trick':<{width}}  {'verdict':<14}  answer"
    for one in outcomes:
        yield f"{one.trick.port:>4}  {one.trick.name:<{width}}  {one.verdict:<14}  {one.answer}"


def main() -> int:
    """Print the table and a summary; return the exit status."""
    with targets() as (server, relay), talkers(server) as talk:
        outcomes = audit(server, relay, talk, tricks())
    print("\n".join(table(outcomes)))
    failed = [one for one in outcomes if one.verdict is not Verdict.WITHSTOOD]
    relayed = [one for one in outcomes if one.verdict is Verdict.RELAYED]
    print(f"\n{len(outcomes)} tricks, {len(outcomes) - len(failed)} withstood, {len(relayed)} relayed")
    for one in failed:
        print(f"{one.verdict}: {one.trick.id}: {one.answer}")
    return 2 if relayed else 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
