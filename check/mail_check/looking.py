"""From functions that judge to looks: of a service, which may not run, and in DNS, which may not answer."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

from mail_check.finding import Verdict, failed, unknown
from mail_check.host import Host
from mail_check.look import Looking
from mail_check.lookup import Dns, Lookup, LookupFailed
from mail_check.reason import reason

Judge: TypeAlias = Callable[..., Verdict | Iterable[Verdict]]

DNS_SECONDS: Final = 4.0
_NO_DNS: Final = "Does DNS work from containers? `docker exec mail-server getent hosts example.org`"


def one(judge: Judge, *arguments: object) -> Looking:
    """Return the look that takes the judge's word for these arguments."""

    def looking() -> Iterable[Verdict]:
        found = judge(*arguments)
        return [found] if isinstance(found, Verdict) else found

    return looking


def of_service(service: str, host: Host | None, judge: Judge, *arguments: object) -> Looking:
    """Return the look at something that a service offers: not to be seen while it does not run, failed if it does.

    Args:
        service: whose it is.
        host: what the machine told; None where nobody knows whether the service runs.
        judge: raises OSError when the service does not answer.
        arguments: the judge's.
    """

    def looking() -> Iterable[Verdict]:
        try:
            yield from one(judge, *arguments)()
        except OSError as error:
            if host is None:  # perhaps it does not run, or this container is not on its network
                raise
            yield failed(f"{service} runs and does not answer: {reason(error)}", f"`docker logs {service}`")

    if host is not None and not host.runs(service):
        return one(unknown, f"{service} does not run")
    return looking


def in_dns(host: Host | None, judge: Callable[[Lookup], Verdict]) -> Looking:
    """Return the look by the host's own name servers, or by this container's where they are not known."""

    def looking() -> Iterator[Verdict]:
        try:
            yield judge(Dns(host.nameservers if host else (), DNS_SECONDS))
        except LookupFailed as error:
            yield unknown(str(error), _NO_DNS)

    return looking
