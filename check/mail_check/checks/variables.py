"""Check the environment variables of each service with the service's own validation."""

from collections.abc import Iterator, Mapping
from typing import Final

from pydantic_settings import BaseSettings

from mail_api.form_files import FormsInvalid, load_forms
from mail_api.settings import Settings as ApiSettings
from mail_check.host_facts import HostFacts
from mail_check.results import Result, failed, ok, unknown, warning
from mail_telemetry.configuration import SettingsInvalid, load

_PREFIX: Final = "mail-server: "
_WARNING: Final = "warning: "
_FORM_FIX: Final = "Correct the file, then start mail-api again (`up -d --force-recreate mail-api`)."
_FIX: Final = "Change it in the file of variables, then start the services again (`up -d`)."


def check_mail_server(facts: HostFacts | None) -> Iterator[Result]:
    """Yield the errors and warnings of `mail-server check`, which dev/check runs in the mail server's image."""
    if facts is None or facts.server_status is None:
        why = "only the mail server's image can check its variables"
        yield unknown(why, "Run `make check` on the host, or: docker exec mail-server mail-server check")
        return
    lines = [line.removeprefix(_PREFIX) for line in facts.server_output if line.startswith(_PREFIX)]
    errors = [line for line in lines if line.partition(":")[0].isupper()]
    yield from (failed(line, _FIX) for line in errors)
    # TLS_CERT_FILE: most servers have a self-signed certificate, and start-up prints that at each start.
    yield from (warning(line.removeprefix(_WARNING), _FIX) for line in lines if line.startswith(_WARNING))
    if facts.server_status and not errors:
        last = "; ".join(facts.server_output[-3:])
        yield failed(f"`mail-server check` ended with {facts.server_status}: {last}", "Read its output.")
    elif not facts.server_status:
        yield ok("every variable can be used")


def check_service(settings: type[BaseSettings]) -> Iterator[Result]:
    """Yield the validation errors of a Python service's settings in this process's environment."""
    try:
        load(settings)
    except SettingsInvalid as error:
        yield from (failed(line, _FIX) for line in error.lines)
    else:
        yield ok("every variable can be used")


def check_forms() -> Iterator[Result]:
    """Yield the problems of the form files, which the API reads in the same way at its start."""
    try:
        forms = load_forms(load(ApiSettings))
    except FormsInvalid as error:
        yield from (failed(line, _FORM_FIX) for line in error.lines)
    except SettingsInvalid:
        yield unknown("the API's variables cannot be used", "Correct them first: they are in the line mail-api.")
    else:
        names = ", ".join(form.name for form in forms.values())
        yield ok(f"{len(forms)} form files: {names}" if forms else "no form files")


def check_dollars(facts: HostFacts | None, environ: Mapping[str, str]) -> Iterator[Result]:
    """Yield the variables whose value Compose changed, because it takes a `$` for the beginning of a variable.

    Args:
        facts: the host facts, which have the length of each value in the file.
        environ: the variables as the containers get them.
    """
    if facts is None:
        yield unknown("the file of variables is on the host", "Run `make check` on the host.")
        return
    seen = {name: len(environ[name].encode()) for name in facts.dollars if name in environ}
    changed = [name for name, length in seen.items() if length != facts.dollars[name]]
    for name in changed:
        message = f"{name}: has {facts.dollars[name]} bytes in the file, and {seen[name]} in the container"
        yield failed(
            f"{message}: Compose replaced a $ in it and what follows",
            "Write $$ for each $ in the file of variables, or put the value into 'single quotes'. Then `up -d`.",
        )
    if not changed:
        yield ok("no value lost a $ on its way into the containers")
