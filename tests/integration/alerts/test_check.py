"""`make check` with a Prometheus that scrapes the stack."""

from mail_check.checks import monitoring as check
from mail_check.results import CheckStatus
from tests.integration.alerts.drill import with_connections
from tests.integration.alerts.monitoring import Monitoring
from tests.integration.stack import Stack, until


def test_working_monitoring(stack: Stack, monitoring: Monitoring) -> None:
    """All checks of a Prometheus that scrapes both services, has our rules and an Alertmanager are ok."""

    def all_ok() -> bool:
        found = list(check.check_prometheus(monitoring.url, 5))
        return [CheckStatus.OK] * 4 == [one.status for one in found]

    until("a Prometheus that sees all", with_connections(stack, all_ok))  # else the sped-up rules miss log lines
