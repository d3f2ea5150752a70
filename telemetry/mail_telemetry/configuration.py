"""Settings from the environment, with mistakes told in one line each: the variable, what is wrong, the fix."""

import sys
from typing import NoReturn, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

SettingsT = TypeVar("SettingsT", bound=BaseSettings)

EXIT_USAGE = 2


def load(settings_class: type[SettingsT]) -> SettingsT:
    """Return the settings, or end the process with status 2 after one line per mistake on stderr."""
    try:
        return settings_class()
    except ValidationError as error:
        stop(mistakes(error))


def mistakes(error: ValidationError) -> list[str]:
    """Return one line per mistake: `VARIABLE: what is wrong`."""
    return [
        f"{'.'.join(str(part) for part in item['loc']).upper() or 'settings'}: "
        + ("is not set; add it to .env.mail.prod" if item["type"] == "missing" else item["msg"])
        for item in error.errors()
    ]


def stop(lines: list[str]) -> NoReturn:
    """Print the lines on stderr and end the process with status 2."""
    for line in lines:
        print(line, file=sys.stderr)  # noqa: T201 - before logging is configured
    raise SystemExit(EXIT_USAGE)
