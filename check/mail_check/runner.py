"""Run checks in parallel: one thread for each, and a time limit for all."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from mail_check.dns_resolver import DnsLookupFailed, DnsResolver, Resolver
from mail_check.host_facts import HostFacts
from mail_check.results import Area, CheckFinding, CheckStatus, Result, error_text, failed, unknown

CheckFunction: TypeAlias = Callable[[], Iterable[Result]]
"""Yields results. An exception means that the check could not be made."""
ResultFunction: TypeAlias = Callable[..., Result | Iterable[Result]]

DNS_SECONDS: Final = 4.0
_NO_DNS: Final = "Does DNS work from containers? `docker exec mail-server getent hosts example.org`"


class Check(NamedTuple):
    """A check and its place in the report."""

    area: Area
    name: str
    function: CheckFunction


def run(checks: Sequence[Check], seconds: float) -> Iterator[CheckFinding]:
    """Run all checks and yield their findings in the given order, as soon as they are known.

    Args:
        checks: the checks.
        seconds: time limit for all of them; a check that takes longer yields `unknown`.
    """
    deadline = time.monotonic() + seconds
    for running in [_RunningCheck(check) for check in checks]:
        yield from running.findings(deadline, seconds)


class _RunningCheck:
    def __init__(self, check: Check) -> None:
        self._check = check
        self._results: list[Result] = []
        # A daemon thread: one that hangs in a system call must not keep the process alive.
        self._thread = threading.Thread(target=self._run, name=f"{check.area} {check.name}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._results.extend(self._check.function())
        except Exception as error:  # noqa: BLE001 - one failing check must not hide the results of the others
            self._results.append(unknown(error_text(error)))

    def findings(self, deadline: float, seconds: float) -> Iterator[CheckFinding]:
        self._thread.join(max(0.0, deadline - time.monotonic()))
        late = [unknown(f"no answer within {seconds:g} s", "Run it again with a larger --seconds.")]
        for result in [*self._results, *(late if self._thread.is_alive() else [])]:
            yield self._finding(result)

    def _finding(self, result: Result) -> CheckFinding:
        status, message, fix, name = result
        return CheckFinding(
            self._check.area, name or self._check.name, CheckStatus(status), " ".join(message.split()), fix
        )


def bind(function: ResultFunction, *arguments: object) -> CheckFunction:
    """Return a check function that calls `function` with these arguments."""

    def check() -> Iterable[Result]:
        found = function(*arguments)
        return [found] if isinstance(found, Result) else found

    return check


def service_check(service: str, facts: HostFacts | None, function: ResultFunction, *arguments: object) -> CheckFunction:
    """Return a check of something that a service offers: unknown while the service does not run.

    Args:
        service: the service's name.
        facts: the host facts; without them it is not known whether the service runs.
        function: raises OSError when the service does not answer.
        arguments: the arguments of `function`.
    """

    def check() -> Iterable[Result]:
        try:
            yield from bind(function, *arguments)()
        except OSError as error:
            if facts is None:  # the service may be stopped, or on another network
                raise
            yield failed(f"{service} runs and does not answer: {error_text(error)}", f"`docker logs {service}`")

    if facts is not None and not facts.runs(service):
        return bind(unknown, f"{service} does not run")
    return check


def dns_check(facts: HostFacts | None, function: Callable[[Resolver], Result]) -> CheckFunction:
    """Return a check that asks the host's name servers, or this container's where those are not known."""

    def check() -> Iterator[Result]:
        try:
            yield function(DnsResolver(facts.nameservers if facts else (), DNS_SECONDS))
        except DnsLookupFailed as error:
            yield unknown(str(error), _NO_DNS)

    return check
