"""Load settings from environment variables; each invalid variable gives one line with the problem and the fix."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, Final, Literal, NoReturn, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, ValidationInfo
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


LogLevel = Annotated[Literal["TRACE", "DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)]
"""LOG_LEVEL, in upper or lower case."""


def _leaves_room(reserve: int, info: ValidationInfo) -> int:
    if reserve >= info.data.get("smtp_relay_daily_limit", reserve + 1):
        raise ValueError("leaves nothing of SMTP_RELAY_DAILY_LIMIT")
    return reserve


QuotaReserve = Annotated[int, Field(ge=0), AfterValidator(_leaves_room)]
"""QUOTA_RESERVE, in a class that declares `smtp_relay_daily_limit` before it."""

SettingsT = TypeVar("SettingsT", bound=BaseSettings)

EXIT_USAGE: Final = 2
_WORDS: Final = {"missing": "is not set"}


class SettingsInvalid(ValueError):
    """At least one variable is invalid: `lines` has one line per variable, with the problem and the fix."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = tuple(lines)
        super().__init__("\n".join(self.lines))


def load(settings_class: type[SettingsT]) -> SettingsT:
    """Return the settings from the environment of this process.

    Raises:
        SettingsInvalid: at least one variable is missing or invalid.
    """
    try:
        return settings_class.model_validate({})
    except ValidationError as error:
        # A default that depends on an invalid variable cannot be computed; the line about that variable is enough.
        found = [item for item in error.errors(include_url=False) if item["type"] != "default_factory_not_called"]
        lines = [_line(settings_class, str(item["loc"][0]), _WORDS.get(item["type"], item["msg"])) for item in found]
        raise SettingsInvalid(lines) from None


def load_or_stop(settings_class: type[SettingsT]) -> SettingsT:
    """Return the settings, or print one line per invalid variable on stderr and exit with status 2."""
    try:
        return load(settings_class)
    except SettingsInvalid as error:
        stop(*error.lines)


@contextmanager
def stopping() -> Iterator[None]:
    """On SettingsInvalid in the block, print its lines on stderr and exit with status 2."""
    try:
        yield
    except SettingsInvalid as error:
        stop(*error.lines)


def stop(*lines: str) -> NoReturn:
    """Print the lines on stderr and exit with status 2."""
    for line in lines:
        print(line, file=sys.stderr)  # noqa: T201 - logging is not configured yet
    raise SystemExit(EXIT_USAGE)


def default_text(field: FieldInfo) -> str:
    """Return the default for the docs: `(required)`, empty for none, or the variables that it is computed from."""
    if field.is_required():
        return "(required)"
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "default_text" in extra:
        return str(extra["default_text"])
    if isinstance(field.default, bool):
        return str(field.default).lower()
    return "" if field.default is None else str(field.default)


def _line(settings_class: type[BaseSettings], name: str, problem: str) -> str:
    example = (settings_class.model_fields[name].examples or [""])[0]
    words = problem.removeprefix("Value error, ")
    return f"{name.upper()}: {words}; set it like {name.upper()}={example}"
