"""The files that are ours altogether, and where Dinky Server's Prometheus and Grafana look for them."""

from pathlib import Path
from typing import Final

from dinky.needs.model import DASHBOARDS, RULES

_ROOT: Final = Path(__file__).parents[1]
SOURCES: Final = {
    RULES: (_ROOT / "alerts/rules", "*.yml"),
    DASHBOARDS: (_ROOT / "dashboards/json", "*.json"),
}
"""Each folder of the server, and what is copied into it: everything of that kind that is there."""


def files() -> dict[str, bytes]:
    """Return every file that is copied: its path from the server's folder on, and its content."""
    return {
        f"{target}/{path.name}": path.read_bytes()
        for target, (folder, pattern) in SOURCES.items()
        for path in sorted(folder.glob(pattern))
    }
