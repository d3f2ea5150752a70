"""Alert annotations: summary, description and links."""

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
    """The description has the alert's text, the cause and the next step; both links are built from names."""
    assert annotations(ALERT, LINKS) == {
        "summary": "Something is tested",
        "description": "{{ $value }} times. Likely cause: a test runs. Next step: wait.",
        "runbook_url": "https://x.example/runbooks/MailTested.md",
        "dashboard_url": "https://grafana.example/d/mail-quota",
    }


@pytest.mark.parametrize("cause", Cause)
def test_known_cause(cause: Cause) -> None:
    """The description of a known cause has the text of the cause table."""
    said = annotations(dataclasses.replace(ALERT, advice=cause), LINKS)["description"]
    assert EXPLANATIONS[cause].meaning in said
    assert said.endswith(EXPLANATIONS[cause].next_step)


@pytest.mark.parametrize("source", CauseFrom)
def test_cause_looked_up_when_it_fires(source: CauseFrom) -> None:
    """The template for causes that are known only when the alert fires queries the cause table; blocks are balanced."""
    text = advice(source)
    assert 'printf "cause:mail_explanation:info{cause=%q}"' in text
    assert text.count("{{ with ") == text.count("{{ end }}")


def test_links_without_double_slash(tmp_path: Path) -> None:
    """A slash at the end of a base URL is not doubled."""
    file = tmp_path / "links.toml"
    file.write_text('runbooks = "https://x.example/r/"\ngrafana = "https://g.example/"\n')
    assert read_links(file) == Links("https://x.example/r", "https://g.example")
