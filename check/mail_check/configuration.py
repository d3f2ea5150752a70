"""Whether each service can be started with these variables: its own rules say so, not ours."""

from collections.abc import Iterator
from typing import Final

from pydantic_settings import BaseSettings

from mail_check.finding import Verdict, failed, ok, unknown, warning
from mail_check.host import Host
from mail_telemetry.configuration import SettingsInvalid, load

_PREFIX: Final = "mail-server: "
_WARNING: Final = "warning: "
_FIX: Final = "Change it in the file of variables, then start the services anew (`up -d`)."


def mail_server(host: Host | None) -> Iterator[Verdict]:
    """Yield what the mail server's start-up says of its variables, which only its own image knows to judge."""
    if host is None or host.server_status is None:
        why = "only the mail server's image can judge its variables"
        yield unknown(why, "`make check` asks it; or: docker exec mail-server mail-server check")
        return
    lines = [line.removeprefix(_PREFIX) for line in host.server_said if line.startswith(_PREFIX)]
    complaints = [line for line in lines if line.partition(":")[0].isupper()]
    yield from (failed(line, _FIX) for line in complaints)
    # TLS_CERT_FILE: a self-signed certificate is what most have, and start-up says it at each start.
    yield from (warning(line.removeprefix(_WARNING), _FIX) for line in lines if line.startswith(_WARNING))
    if host.server_status and not complaints:
        said = "; ".join(host.server_said[-3:])
        yield failed(f"`mail-server check` ended with {host.server_status}: {said}", "Look at what it says.")
    elif not host.server_status:
        yield ok("every variable can be used")


def service(settings: type[BaseSettings]) -> Iterator[Verdict]:
    """Yield what a Python service's settings say of this process's environment."""
    try:
        load(settings)
    except SettingsInvalid as error:
        yield from (failed(line, _FIX) for line in error.lines)
    else:
        yield ok("every variable can be used")
