"""The reader of PromQL that the contract tests rely on."""

import pytest

from tests.contract.promql import Selector, grouped_by, selectors


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param("vector(1)", [], id="nothing"),
        pytest.param('up{job="a"} == 0', [Selector("up", (("job", "=", "a"),))], id="one"),
        pytest.param(
            'sum by (b, c) (increase(x_total{b=~"y|z",c!="d, e"}[1h])) > 0',
            [Selector("x_total", (("b", "=~", "y|z"), ("c", "!=", "d, e")))],
            id="functions, groups and ranges",
        ),
        pytest.param("sum(x) by (b) and on (c) y:z:sum5m", [Selector("x", ()), Selector("y:z:sum5m", ())], id="bare"),
        pytest.param(
            "x offset 1h unless y{} > 250e6", [Selector("x", ()), Selector("y", ())], id="words, empty braces"
        ),
    ],
)
def test_selectors(expression: str, expected: list[Selector]) -> None:
    """What is read, and nothing that only looks like it."""
    assert expected == list(selectors(expression))


def test_grouped_by() -> None:
    """Labels of groups and of joins."""
    assert grouped_by("sum by (a, b) (x) * on (c) group_left (d) y") == {"a", "b", "c", "d"}
