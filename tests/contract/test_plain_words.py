"""Dashboards and alerts use short titles and the terms of the field."""

import re
from collections.abc import Iterator
from typing import Any, Final

import pytest

from alerts.annotations import Links, annotations
from alerts.catalogue import every_alert
from dashboards.board_files import boards, panels
from mail_telemetry.causes import EXPLANATIONS

LONGEST_TITLE: Final = 32
AVOIDED: Final = re.compile(
    r"\b(?:who|whose|whom|whoever|nobody|somebody|anybody|everybody|his|strangers?|robots?|the door|knocks?|to mend)\b",
    re.IGNORECASE,
)
"""Words that are unclear, or for which the field has a term: bot, address, listener, repair."""
LINKS: Final = Links("https://runbooks.example", "https://grafana.example")


def texts() -> Iterator[Any]:
    """Yield every text of dashboards, alerts and the cause table, as a test parameter."""
    for uid, board in boards().items():
        yield pytest.param(board["description"], id=uid)
        for panel in board["panels"]:
            said = (panel["title"], panel.get("description", ""), str(panel.get("fieldConfig")))
            yield pytest.param(" ".join(said), id=f"{uid}: {panel['title']}")
    for alert in every_alert():
        yield pytest.param(" ".join((*annotations(alert, LINKS).values(), alert.reason)), id=alert.name)
    for cause, row in EXPLANATIONS.items():
        yield pytest.param(f"{row.meaning} {row.next_step}", id=f"cause {cause}")


@pytest.mark.parametrize("text", [*texts()])
def test_words_are_plain(text: str) -> None:
    """Texts have no pronouns without a noun, and use the field's terms."""
    assert AVOIDED.findall(text) == []


def test_titles_are_short() -> None:
    """A title does not ask a question and is short, since Grafana cuts it at the width of its panel."""
    titles = {panel["title"] for board in boards().values() for panel in panels(board)}
    assert {title for title in titles if len(title) > LONGEST_TITLE or "?" in title} == set()
