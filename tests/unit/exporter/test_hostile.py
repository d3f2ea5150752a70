"""Hostile logs: no exception, no new time series, no full address, bounded memory."""

import re
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from mail_exporter.delivery_agents import RelayLabels
from mail_exporter.log_tail import decode_lines
from mail_exporter.metrics import LogMetrics
from mail_exporter.parse import DAEMONS
from tests.unit import new_ledger
from tests.unit.exporter import logs
from tests.unit.exporter.harness import RELAY, PipelineHarness

SERIES = {
    (sample.name, tuple(sample.labels.items()))
    for registry in [CollectorRegistry()]
    for _ in [LogMetrics(registry, RelayLabels(RELAY))]
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
        "host x[1.2.3.4] said: 450 4.2.1 busy",
        "TLSRPT: status=",
        "table x has changed -- restarting",
        "milter-reject: END-OF-MESSAGE from x[1.2.3.4]: ",
        'replacing command "',
        "strip: header ",
    ]
)
TEXTS = st.one_of(st.lists(WORDS, max_size=12).map("".join), st.text(max_size=200))
TAGS = st.one_of(
    st.sampled_from([f"postfix/{daemon}" for daemon in DAEMONS]),
    st.sampled_from(["postfix/public/smtpd", "postfix/evil/smtpd", "postfix-x/y/z/smtp", "postfix/", "/", "postfix"]),
    st.text(max_size=20),
)
PREFIXES = st.one_of(st.sampled_from(["<22>", "mail-1  | ", "Sun ", "2026-11-22T12:00:00Z "]), st.text(max_size=20))
YEARS = st.one_of(st.sampled_from(["", "2026 ", "0000 ", "9999 "]), st.text(max_size=5))
LINES = st.one_of(
    st.builds("Nov 22 12:00:00 mail {}[1]: {}".format, TAGS, TEXTS),
    st.builds("{}Nov 22 {}12:00:00 mail {}{}: {}".format, PREFIXES, YEARS, TAGS, st.sampled_from(["", "[1]"]), TEXTS),
    st.binary(max_size=300).map(lambda data: "".join(decode_lines(data))),
)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(lines=st.lists(LINES, min_size=10, max_size=40))
def test_any_log(lines: list[str]) -> None:
    """For any log, all lines are counted and no time series is added."""
    with closing(new_ledger.in_memory()) as ledger:
        harness = PipelineHarness(ledger)
        harness.feed(*lines)
        # One scrape per example: it takes most of the time.
        samples = [sample for family in harness.registry.collect() for sample in family.samples]
        counted = [sample.value for sample in samples if sample.name == "postfix_log_lines_total"]
        assert len(counted) == 4
        assert sum(counted) == len(lines)
        assert {(sample.name, tuple(sample.labels.items())) for sample in samples} == SERIES


@pytest.mark.slow
def test_real_lines_cut_anywhere() -> None:
    """A line that is cut anywhere is parsed without an exception."""
    whole = [*logs.accepted(), logs.deferred(), logs.sent(), logs.expired(), logs.removed()]
    with closing(new_ledger.in_memory()) as ledger:
        harness = PipelineHarness(ledger)
        harness.feed(*(line[:end] for line in whole for end in range(len(line))))
        assert harness.pipeline.not_understood
        assert not [text for text in harness.pipeline.not_understood if "Error(" in text]


def test_no_address_in_unknown_lines() -> None:
    """A line that is not understood is logged with masked addresses."""
    with closing(new_ledger.in_memory()) as ledger:
        harness = PipelineHarness(ledger)
        harness.feed(logs.line("smtp", "anna@x.example is unknown"))
        assert harness.pipeline.not_understood == ["a***@x.example is unknown"]


@pytest.mark.slow
def test_very_long_lines() -> None:
    """Regular expressions take linear time on very long lines."""
    long_texts = (
        "a" * 100_000,
        '"' * 100_000,
        '\\"' * 50_000,
        "<" * 100_000,
        "1/" * 50_000,
        "a@" * 50_000,
        "x[" * 50_000,
        " from x[" * 20_000,
        " host x" * 20_000,
    )
    heads = (
        *("", f"{logs.QUEUE_ID}: to=<", f"{logs.QUEUE_ID}: from=<", "NOQUEUE: reject: RCPT from x[1]: 554 5.7.1 <"),
        *(f"{logs.QUEUE_ID}: TLS host ", f"{logs.QUEUE_ID}: info: ", "table ", "reject: CONNECT from ", "reject: "),
    )
    with closing(new_ledger.in_memory()) as ledger:
        harness = PipelineHarness(ledger)
        for daemon in ("smtp", "smtpd", "qmgr", "cleanup"):
            harness.feed(*(logs.line(daemon, head + long_text) for head in heads for long_text in long_texts))
        assert harness.value("postfix_log_lines_total", result="malformed") == 0


def test_few_kinds_are_logged() -> None:
    """Many different lines that are not understood are logged a limited number of times."""
    with closing(new_ledger.in_memory()) as ledger:
        harness = PipelineHarness(ledger)
        harness.feed(*(logs.line("smtp", "x" * length) for length in range(1, 290)))
        assert len(harness.pipeline.not_understood) == 200
        assert not re.search(r"\d", "".join(harness.pipeline.not_understood))
