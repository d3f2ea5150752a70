"""The ledger's content as text for a person at a terminal."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Engine, Row, func, select

from mail_ledger import migrate
from mail_ledger.api_key import ApiKey
from mail_ledger.engine import open_engine
from mail_ledger.quotas import Quotas
from mail_ledger.schema import attempt, log_position, message
from mail_ledger.tables import api_key, submission
from mail_ledger.transactions import reading

_HEADINGS: Final = ("NAME", "PREFIX", "STATE", "DAILY", "PER MINUTE", "SENDERS", "CREATED", "LAST USED")
_COUNTED: Final = {
    "mails of the log": message,
    "delivery attempts": attempt,
    "mails of the API": submission,
    "API keys": api_key,
}


@contextmanager
def engine_of(url: str) -> Iterator[Engine]:
    """Yield the ledger's engine and close it behind.

    Raises:
        LedgerError: it can't be opened.
    """
    engine = open_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def key_table(keys: Sequence[ApiKey]) -> str:
    """Return one line per key under headings, or a sentence where there is none."""
    if not keys:
        return "There is no key yet: mail-ledger api-key create NAME"
    rows = [_HEADINGS, *(_key_row(key) for key in keys)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def overview(engine: Engine, name: str) -> str:
    """Return the numbers of rows, how far logs were read, and the quota's use.

    Raises:
        LedgerError: the ledger can't be read.
    """
    with reading(engine, "read the ledger") as connection:
        lines = [("ledger", name), ("schema", str(migrate.version(connection)))]
        for words, table in _COUNTED.items():
            lines.append((words, str(connection.execute(select(func.count()).select_from(table)).scalar_one())))
        is_open = message.c.closed.is_(None)
        queued = connection.execute(select(func.count()).select_from(message).where(is_open)).scalar_one()
        lines.append(("mails in the queue", str(queued)))
        lines += [
            (f"read of {_log(position)}", f"{position.offset} bytes, {_time(position.stored_at)}")
            for position in connection.execute(select(log_position).order_by(log_position.c.server))
        ]
    quota = Quotas(engine, limit=1).read()
    lines.append(("taken by the relay in 24 h", f"{quota.used} recipients, {quota.in_queue} more are on their way"))
    return _aligned(lines)


def _aligned(lines: Iterable[tuple[str, str]]) -> str:
    known = list(lines)
    width = max(len(words) for words, _ in known)
    return "\n".join(f"{words.ljust(width)}  {value}" for words, value in known)


def _key_row(key: ApiKey) -> tuple[str, ...]:
    return (
        key.name,
        f"dm_{key.prefix}_...",
        "revoked" if key.revoked is not None else "important" if key.important else "valid",
        str(key.limits.recipients_per_day or "-"),
        str(key.limits.requests_per_minute or "-"),
        ",".join(key.allowed_senders) or "-",
        _time(key.created),
        "never" if key.last_used is None else _time(key.last_used),
    )


def _log(position: Row[Any]) -> str:
    return f"{position.server}:{position.log}" if position.server else str(position.log)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
