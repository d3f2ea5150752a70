"""Grafana's data sources, which variables select."""

from typing import Final, NamedTuple

from grafana_foundation_sdk.models import dashboard as sdk


class Source(NamedTuple):
    """A kind of data source, as Grafana's plugin is named; a variable chooses which one."""

    plugin: str

    @property
    def variable(self) -> str:
        """The variable's name, in the form that dashboard-linter requires."""
        return f"{self.plugin}_datasource"

    @property
    def ref(self) -> sdk.DataSourceRef:
        """The reference that follows the variable."""
        return sdk.DataSourceRef(self.plugin, f"${{{self.variable}}}")


PROMETHEUS: Final = Source("prometheus")
LOKI: Final = Source("loki")
TEMPO: Final = Source("tempo")
