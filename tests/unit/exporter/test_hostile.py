"""Logs that somebody wrote to do harm: no exception, no new time series, no full address, bounded memory."""

import re
from collections.abc import Iterator
from contextlib import closing

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from mail_exporter.metrics import LogMetrics
from mail_exporter.parse import DAEMONS
from mail_exporter.relays import Relays
from mail_exporter.source import decoded
from tests.unit import new_ledger
from tests.unit.exporter import logs
from tests.unit.exporter.bench import RELAY, Bench

SERIES = {
    (sample.name, tuple(sample.labels.items()))
    for registry in [CollectorRegistry()]
    for _ in [LogMetrics(registry, Relays(RELAY))]
    for family in registry.collect()
    for sample in family.samples
}
WORDS = st.sampled_from(
    [
        logs.QUEUE_ID,
        "127C519E06E",
        "NOQUEUE",
        ": ",
        ", ",
        "to=<a@x.example>",
        "orig_to=<b@y.example>",
        "relay=evil[1.2.3.4]:25",
        "relay=none",
        "delay=1",
        "delays=1/2/3/4",
        "delays=1/2/3/1e999",
        "dsn=4.7.8",
        "dsn=9.9.9",
        "status=sent (ok)",
        "status=deferred (no)",
        "status=" + "x" * 50,
        "removed",
        "client=x[1.2.3.4]",
        "message-id=<x>",
        "from=<a@b>, size=1, nrcpt=1 (queue active)",
        "reject: RCPT from x[1.2.3.4]: 554 5.7.1 ",
        "warning: ",
        "Verified TLS connection established to x[1.2.3.4]:25: TLSv7",
        "sender non-delivery notification: ",
    ]
)
TEXTS = st.one_of(st.lists(WORDS, max_size=12).map("".join), st.text(max_size=200))
TAGS = st.one_of(
    st.sampled_from([f"postfix/{daemon}" for daemon in DAEMONS]),
    st.sampled_from(["postfix/public/smtpd", "postfix/evil/smtpd", "postfix-x/y/z/smtp", "postfix/", "/", "postfix"]),
    st.text(max_size=20),
)
LINES = st.one_of(
    st.builds("Nov 22 12:00:00 mail {}[1]: {}".format, TAGS, TEXTS),
    st.binary(max_size=300).map(lambda data: "".join(decoded(data))),
)


def series(bench: Bench) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    """Yield every time series there is."""
    for family in bench.registry.collect():
        for sample in family.samples:
            yield sample.name, tuple(sample.labels.items())


@settings(max_examples=60)
@given(lines=st.lists(LINES, max_size=15))
def test_any_log(lines: list[str]) -> None:
    """Whatever a log says, all lines are counted and no time series is added."""
    with closing(new_ledger.in_memory()) as ledger:
        bench = Bench(ledger)
        bench.feed(*lines)
        counted = [bench.value("postfix_log_lines_total", result=result) or 0 for result in ("parsed", "foreign",
                   "unsupported", "malformed")]  # fmt: skip
        assert sum(counted) == len(lines)
        assert set(series(bench)) == SERIES


def test_real_lines_cut_anywhere() -> None:
    """A line that ends anywhere is read without an exception."""
    whole = [*logs.accepted(), logs.deferred(), logs.sent(), logs.expired(), logs.removed()]
    with closing(new_ledger.in_memory()) as ledger:
        bench = Bench(ledger)
        bench.feed(*(line[:end] for line in whole for end in range(len(line))))
        assert bench.pipeline.not_understood
        assert not [text for text in bench.pipeline.not_understood if "Error(" in text]


def test_no_address_in_what_is_told() -> None:
    """A line that is not understood is told without the addresses in it."""
    with closing(new_ledger.in_memory()) as ledger:
        bench = Bench(ledger)
        bench.feed(logs.line("smtp", "anna@x.example is unheard of"))
        assert bench.pipeline.not_understood == ["a***@x.example is unheard of"]


def test_monstrous_lines_take_no_time() -> None:
    """Expressions do not run away on long lines of what they look for."""
    monsters = (
        "a" * 100_000,
        '"' * 100_000,
        '\\"' * 50_000,
        "<" * 100_000,
        "1/" * 50_000,
        "a@" * 50_000,
        "x[" * 50_000,
    )
    heads = ("", f"{logs.QUEUE_ID}: to=<", f"{logs.QUEUE_ID}: from=<", "NOQUEUE: reject: RCPT from x[1]: 554 5.7.1 <")
    with closing(new_ledger.in_memory()) as ledger:
        bench = Bench(ledger)
        for daemon in ("smtp", "smtpd", "qmgr", "cleanup"):
            bench.feed(*(logs.line(daemon, head + monster) for head in heads for monster in monsters))
        assert bench.value("postfix_log_lines_total", result="malformed") == 0


def test_kinds_of_line_that_are_told_are_few() -> None:
    """A flood of different lines that nobody understands is told a bounded number of times."""
    with closing(new_ledger.in_memory()) as ledger:
        bench = Bench(ledger)
        bench.feed(*(logs.line("smtp", "x" * length) for length in range(1, 290)))
        assert len(bench.pipeline.not_understood) == 200
        assert not re.search(r"\d", "".join(bench.pipeline.not_understood))
