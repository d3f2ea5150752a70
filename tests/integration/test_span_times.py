"""A slow relay in the trace: the delay is in the stage that it slows down."""

from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from tests.integration.stack import Json, Stack

LAST_SPAN: Final = "postfix finish"
DELAY_SECONDS: Final = 1.2
STAGES: Final = ("postfix wait", "postfix queue", "postfix connect", "postfix transmit")


def seconds(spans: list[Json]) -> dict[str, float]:
    """Return the duration of each stage of a mail's only attempt."""
    return {
        span["name"]: (span["end_time_unix_nano"] - span["start_time_unix_nano"]) / 1e9
        for span in spans
        if span["name"] in STAGES
    }


def precision(spans: list[Json]) -> float:
    """Return the precision of the stages' times."""
    (found,) = {span["attributes"]["mail.time_precision_seconds"] for span in spans if span["name"] in STAGES}
    return float(found)


@pytest.mark.parametrize(
    ("at", "stage"),
    [
        pytest.param("banner", "postfix connect", id="slow greeting"),
        pytest.param("auth", "postfix connect", id="slow login"),
        pytest.param("mail", "postfix transmit", id="slow MAIL"),
        pytest.param("data", "postfix transmit", id="slow DATA"),
        pytest.param("end", "postfix transmit", id="slow reply"),
    ],
)
def test_slow_relay(stack: Stack, subject: str, at: str, stage: str) -> None:
    """A delay of the relay is in its stage, with the precision of Postfix's log, and in no other."""
    stack.execute("mail-server", "postfix", "reload")  # a reused connection has no greeting and login
    with stack.fault("slow", at=at, seconds=DELAY_SECONDS):
        spans = stack.trace(stack.send(subject), until_named=(LAST_SPAN,))
    took = seconds(spans)
    assert precision(spans) == 0.1
    assert DELAY_SECONDS - 0.1 <= took[stage] <= DELAY_SECONDS + 1
    assert all(took[other] < DELAY_SECONDS / 2 for other in STAGES if other != stage)


def test_wait_for_a_free_agent(stack: Stack, subject: str) -> None:
    """With two connections to the relay at most, the wait for a free one is in the stage of the queue manager."""
    with stack.fault("slow", at="end", seconds=DELAY_SECONDS), ThreadPoolExecutor() as several:
        sent = list(several.map(stack.send, [f"{subject} {number}" for number in range(5)]))
        traces = [stack.trace(message_id, until_named=(LAST_SPAN,)) for message_id in sent]
    waited = sorted(seconds(spans)["postfix queue"] for spans in traces)
    assert waited[0] < DELAY_SECONDS / 2
    assert waited[-1] >= DELAY_SECONDS - 0.1


def test_wait_for_the_next_try(stack: Stack, subject: str) -> None:
    """The time in the deferred queue is the first stage of the next attempt, which begins with it."""
    with stack.fault("temporary_problem", count=1):
        spans = stack.trace(stack.send(subject), until_named=(LAST_SPAN,))
    by_end = sorted(spans, key=lambda span: int(span["end_time_unix_nano"]))
    first, second = (span for span in by_end if span["name"] == "postfix deliver")
    (wait,) = (span for span in spans if span["name"] == "postfix wait" and span["parent_span_id"] == second["span_id"])
    assert wait["start_time_unix_nano"] == second["start_time_unix_nano"] == first["end_time_unix_nano"]
    assert wait["end_time_unix_nano"] - wait["start_time_unix_nano"] > 0.9e9


def test_children_lie_in_their_attempt(stack: Stack, subject: str) -> None:
    """The stages of a real delivery are within their attempt."""
    spans = stack.trace(stack.send(subject), until_named=("POST /send", LAST_SPAN))
    by_id = {span["span_id"]: span for span in spans}
    for span in spans:
        parent = by_id.get(span["parent_span_id"])
        if parent is not None and (span["name"] in STAGES or span["name"] == "smtp submit"):
            assert parent["start_time_unix_nano"] <= span["start_time_unix_nano"]
            assert span["end_time_unix_nano"] <= parent["end_time_unix_nano"]
