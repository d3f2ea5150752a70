"""Numbers that lead to traces."""

import pytest
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from mail_telemetry.names import DELIVERY_SECONDS, DELIVERY_STAGE_SECONDS
from tests.unit.exporter import logs
from tests.unit.exporter.bench import Bench

OTHER_ID = "4jXSt0111CzDhqX"


def exemplars(bench: Bench) -> dict[tuple[str, str], tuple[str, float]]:
    """Return trace id and value of each exemplar, by metric and the value of its label, as OpenMetrics exposes them."""
    text = generate_latest(bench.registry).decode()  # type: ignore[no-untyped-call]  # published without types
    return {
        (family.name, next(value for name, value in sample.labels.items() if name != "le")): (
            sample.exemplar.labels["trace_id"],
            sample.exemplar.value,
        )
        for family in text_string_to_metric_families(text)  # type: ignore[no-untyped-call]  # published without types
        for sample in family.samples
        if sample.exemplar
    }


def test_stages_and_whole_life(bench: Bench) -> None:
    """The stages of an attempt, and a recipient's whole time, name the trace."""
    bench.feed(*logs.accepted(), logs.sent(delay="0.32", delays="0.1/0.02/0.3/0.1"))
    assert exemplars(bench) == {
        (DELIVERY_STAGE_SECONDS.name, "before_queue_manager"): (logs.TRACE_ID, 0.1),
        (DELIVERY_STAGE_SECONDS.name, "queue_manager"): (logs.TRACE_ID, 0.02),
        (DELIVERY_STAGE_SECONDS.name, "connection_setup"): (logs.TRACE_ID, 0.3),
        (DELIVERY_STAGE_SECONDS.name, "transmission"): (logs.TRACE_ID, 0.1),
        (DELIVERY_SECONDS.name, "sent"): (logs.TRACE_ID, 0.32),
    }


def test_slowest_of_a_batch(bench: Bench) -> None:
    """Of many attempts that are read together, the slowest is the one to look at."""
    slow = logs.sent(OTHER_ID, delay="30", delays="0.1/0.02/20/9.9")
    bench.feed(*logs.accepted(), *logs.accepted(OTHER_ID, trace=None), logs.sent(), slow, logs.sent())
    values = {value for (name, _), (_, value) in exemplars(bench).items() if name == DELIVERY_SECONDS.name}
    assert values == {30}


@pytest.mark.parametrize("trace", ["00", "02"], ids=["not sampled", "random and not sampled"])
def test_mail_that_is_not_traced(bench: Bench, trace: str) -> None:
    """No exemplar leads to a trace that is not there."""
    bench.feed(*logs.accepted(trace=trace), logs.sent())
    assert exemplars(bench) == {}


def test_first_stage_of_a_later_attempt(bench: Bench) -> None:
    """Where no number was counted no exemplar stands: a later attempt's first stage is not."""
    bench.feed(*logs.accepted(), logs.active(), logs.sent(delay="300", delays="300/0.02/0.3/0.1"))
    assert (DELIVERY_STAGE_SECONDS.name, "before_queue_manager") not in exemplars(bench)
