"""The integration tests that are begun first."""

from pathlib import Path

from tests.integration import conftest


def test_longest_first_exist() -> None:
    """Each module that is begun early exists: a renamed one would be begun late, and nothing else would show it."""
    folder = Path(conftest.__file__).parent
    assert [name for name in conftest.LONGEST_FIRST if not (folder / name).is_file()] == []
