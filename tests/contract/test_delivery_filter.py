"""The table that makes mail wait is generated, up to date, and used for the relay only."""

import re

import pytest

from dev.delivery_filter import RETURNED, TABLE, WAITING, delivery_filter, waits
from mail_telemetry.cause_rules import load_rules
from mail_telemetry.causes import Cause

MAIN: str = (TABLE.parent / "main.cf").read_text()


def test_table_is_up_to_date() -> None:
    """The table is what `make delivery-filter` writes."""
    assert delivery_filter() == TABLE.read_text()


def test_exceptions_are_rules() -> None:
    """Each exception is a rule whose cause would let mail wait."""
    causes = {rule.name: rule.cause for rule in load_rules()}
    assert {name for name in RETURNED if causes.get(name) not in WAITING} == set()


@pytest.mark.parametrize("cause", [Cause.RECIPIENT, Cause.CONTENT, Cause.SIZE, Cause.LOOP, Cause.OTHER], ids=str)
def test_problems_of_one_mail_do_not_wait(cause: Cause) -> None:
    """Mail with a problem of its recipient or content is returned at once."""
    assert not any(waits(rule) for rule in load_rules() if rule.cause is cause)


def test_used_at_the_relay_only() -> None:
    """main.cf uses the table with a relay, and no table with direct delivery."""
    (value,) = re.findall(r"^smtp_delivery_status_filter = (.*)$", MAIN, re.MULTILINE)
    assert value == f"${{relay_host?{{pcre:$config_directory/{TABLE.name}}}}}"
