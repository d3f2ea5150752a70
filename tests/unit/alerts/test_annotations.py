"""What a notification says, before Prometheus fills in the numbers."""

import dataclasses
from pathlib import Path

import pytest

from alerts.annotations import Links, advice, annotations, read_links
from alerts.model import Advice, Alert, CauseFrom, Severity
from dashboards.boards import Board
from mail_telemetry.causes import EXPLANATIONS, Cause

ALERT = Alert(
    name="MailTested",
    severity=Severity.WARNING,
    expr="vector(1)",
    summary="Something is tested",
    description="{{ $value }} times.",
    advice=Advice("a test runs.", "wait."),
    board=Board.QUOTA,
    reason="Because.",
)
LINKS = Links("https://x.example/runbooks", "https://grafana.example")


def test_annotations() -> None:
    """Own words, cause and next step in one description; both links made of the names."""
    assert annotations(ALERT, LINKS) == {
        "summary": "Something is tested",
        "description": "{{ $value }} times. Likely cause: a test runs. Next step: wait.",
        "runbook_url": "https://x.example/runbooks/MailTested.md",
        "dashboard_url": "https://grafana.example/d/mail-quota",
    }


@pytest.mark.parametrize("cause", Cause)
def test_known_cause(cause: Cause) -> None:
    """The cause table's words are there literally."""
    said = annotations(dataclasses.replace(ALERT, advice=cause), LINKS)["description"]
    assert EXPLANATIONS[cause].meaning in said
    assert said.endswith(EXPLANATIONS[cause].next_step)


@pytest.mark.parametrize("source", CauseFrom)
def test_cause_looked_up_when_it_fires(source: CauseFrom) -> None:
    """The template asks for the table's row, opens as many blocks as it ends, and says something without one."""
    text = advice(source)
    assert 'printf "cause:mail_explanation:info{cause=%q}"' in text
    assert text.count("{{ with ") == text.count("{{ end }}")


def test_links_have_no_slash_at_the_end(tmp_path: Path) -> None:
    """A slash too many in links.toml makes no double one."""
    file = tmp_path / "links.toml"
    file.write_text('runbooks = "https://x.example/r/"\ngrafana = "https://g.example/"\n')
    assert read_links(file) == Links("https://x.example/r", "https://g.example")
