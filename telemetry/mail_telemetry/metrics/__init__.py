"""Description of a metric family: name, type, help, labels, buckets. It needs no Prometheus client."""

from dataclasses import dataclass
from typing import Literal

MetricKind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class MetricDescription:
    """Description of one metric family."""

    name: str
    kind: MetricKind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def exposed(self) -> str:
        """The name in the exposition: counters end in `_total` there."""
        return f"{self.name}_total" if self.kind == "counter" else self.name
