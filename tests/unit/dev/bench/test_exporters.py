"""Check of the numbers that each exporter has counted."""

from dev.bench.exporters import LEDGER
from dev.bench.lines import Kind
from dev.bench.maillog import Contents

EXPOSITION = """# TYPE postfix_log_lines_total counter
postfix_log_lines_total{result="parsed"} %d
postfix_log_lines_total{result="unsupported"} 1
# TYPE postfix_delivery_attempts_total counter
postfix_delivery_attempts_total{status="sent"} 4
"""


def contents() -> Contents:
    """Return the contents of a log of ten lines and four sent mails."""
    holds = Contents(lines=10)
    holds.kinds[Kind.SENT] = 4
    return holds


def test_no_complaint_when_all_is_counted() -> None:
    """There is no complaint when every line and every attempt is counted."""
    assert [] == LEDGER.complaints(EXPOSITION % 10, contents())


def test_missing_line() -> None:
    """A wrong count is reported with both numbers."""
    complaint = "postfix_log_lines_total{'result': 'parsed'} is 9, not 10"
    assert [complaint] == LEDGER.complaints(EXPOSITION % 9, contents())
