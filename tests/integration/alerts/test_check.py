"""What `make check` says of a Prometheus that watches the stack."""

from mail_check.checks import monitoring as check
from mail_check.results import CheckStatus
from tests.integration.alerts.drill import with_greetings
from tests.integration.alerts.monitoring import Monitoring
from tests.integration.stack import Stack, until


def test_monitoring_sees_us(stack: Stack, monitoring: Monitoring) -> None:
    """Prometheus reads both services, has our rules and an Alertmanager to tell."""

    def all_well() -> bool:
        found = list(check.check_prometheus(monitoring.url, 5))
        return [CheckStatus.OK] * 4 == [one.status for one in found]

    until("a Prometheus that sees all", with_greetings(stack, all_well))  # else the sped-up rules miss log lines
