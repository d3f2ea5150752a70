"""The files that are ours altogether, and where Dinky Server's Prometheus and Grafana look for them."""

from pathlib import Path
from typing import Final

from alerts.annotations import Links, read_links
from dinky.needs.model import DASHBOARDS, RULES

_ROOT: Final = Path(__file__).parents[1]
SOURCES: Final = {
    RULES: (_ROOT / "alerts/rules", "*.yml"),
    DASHBOARDS: (_ROOT / "dashboards/json", "*.json"),
}
"""Each folder of the server, and what is copied into it: everything of that kind that is there."""


def files(links: Links | None = None) -> dict[str, bytes]:
    """Return every file that is copied: its path from the server's folder on, and its content.

    Args:
        links: where notifications and dashboards lead, in place of alerts/links.toml.
    """
    generated = read_links()
    new = links or generated
    return {
        f"{target}/{path.name}": path.read_bytes()
        .replace(generated.runbooks.encode(), new.runbooks.encode())
        .replace(f"{generated.grafana}/d/".encode(), f"{new.grafana}/d/".encode())
        for target, (folder, pattern) in SOURCES.items()
        for path in sorted(folder.glob(pattern))
    }


def source(path: str) -> str:
    """Return where a file that is copied lies in this repository."""
    folder, _, name = path.rpartition("/")
    return f"{SOURCES[folder][0].relative_to(_ROOT).as_posix()}/{name}"
