"""What `make check` says of a Prometheus that watches the stack."""

from mail_check import monitoring as check
from mail_check.finding import Status
from tests.integration.alerts.monitoring import Monitoring
from tests.integration.stack import until


def test_monitoring_sees_us(monitoring: Monitoring) -> None:
    """Prometheus reads both services, has our rules and an Alertmanager to tell."""

    def all_well() -> bool:
        found = list(check.prometheus(monitoring.url, 5))
        return [Status.OK] * 4 == [one.status for one in found]

    until("a Prometheus that sees all", all_well)
