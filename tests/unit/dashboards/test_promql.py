"""PromQL expressions, and dashboard variables in their selectors."""

import pytest

from dashboards.promql import grown, labelled, last_seen, mean, occurred, quantile, scoped, selector
from mail_telemetry.metrics import api, exporter

GREW = '(time() + 0 * (sum by (cause) (increase(postfix_relay_failures_total{job="mail-exporter"}[$__interval])) > 0))'
RECORDED = {"a:b:c": 'sum(b{job="x"})', "d:e:f": "a:b:c / 2"}


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        pytest.param(
            selector(api.MESSAGES, result="accepted|replayed"),
            'mail_api_messages_total{job="mail-api",result=~"accepted|replayed"}',
            id="selector with the job of the API",
        ),
        pytest.param(
            grown(exporter.RELAY_FAILURES, "1h", "cause"),
            'sum by (cause) (increase(postfix_relay_failures_total{job="mail-exporter"}[1h]))',
            id="increase by label",
        ),
        pytest.param(
            quantile(0.95, exporter.MESSAGE_SIZE_BYTES, "1h"),
            "histogram_quantile(0.95, "
            'sum by (le) (increase(postfix_message_size_bytes_bucket{job="mail-exporter"}[1h])))',
            id="quantile, keeps le",
        ),
        pytest.param(
            mean(exporter.MESSAGE_SIZE_BYTES, "1h"),
            'sum(increase(postfix_message_size_bytes_sum{job="mail-exporter"}[1h]))\n'
            '/ (sum(increase(postfix_message_size_bytes_count{job="mail-exporter"}[1h])) > 0)',
            id="mean, no division by zero",
        ),
        pytest.param(labelled("x", next="a"), 'label_replace(x, "next", "a", "", "")', id="additional label"),
        pytest.param(
            occurred(exporter.QUEUE_MESSAGES, "queue"),
            'max by (queue) (max_over_time(postfix_queue_messages{job="mail-exporter"}[$__range] @ end())) > 0',
            id="gauge that was above zero",
        ),
        pytest.param(
            occurred(exporter.RELAY_FAILURES, "cause"),
            'sum by (cause) (increase(postfix_relay_failures_total{job="mail-exporter"}[$__range] @ end())) > 0\n'
            'or sum by (cause) ((max_over_time(postfix_relay_failures_total{job="mail-exporter"}[$__range] @ end()) '
            'unless postfix_relay_failures_total{job="mail-exporter"} @ end() offset $__range)) > 0',
            id="counter that grew or is new",
        ),
        pytest.param(
            last_seen(exporter.RELAY_FAILURES, "cause"),
            f"({GREW}\nor max_over_time({GREW}[$__range:$__interval]))",
            id="time of the last increase",
        ),
    ],
)
def test_expression(actual: str, expected: str) -> None:
    """Every selector has the metric's name, its job and the given labels."""
    assert expected == actual


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param('up{job="x"}', 'up{job=~"$job",job="x",instance=~"$instance"}', id="selector"),
        pytest.param(
            "max(d:e:f)", 'max(((sum(b{job=~"$job",job="x",instance=~"$instance"})) / 2))', id="recorded name"
        ),
        pytest.param("vector(1)", "vector(1)", id="no selector"),
        pytest.param("x * cause:mail_explanation:info", "x * cause:mail_explanation:info", id="info metric"),
    ],
)
def test_scoped(expression: str, expected: str) -> None:
    """Dashboard variables are added to every selector, and recorded names are replaced by their expression."""
    assert expected == scoped(expression, RECORDED)


def test_unknown_recording() -> None:
    """A recording rule that does not exist raises KeyError."""
    with pytest.raises(KeyError):
        scoped("x:y:z", RECORDED)
