"""Named queries: every `storage/sql/*.sql` file holds blocks that begin with `-- name: some_name`."""

import re
from pathlib import Path

FOLDER = Path(__file__).parent / "sql"
_NAME = re.compile(r"^-- name: *(\w+) *$", re.MULTILINE)


def load(folder: Path = FOLDER) -> dict[str, str]:
    """Query text by name, from all files of the folder. Raises ValueError naming the file for a name given twice."""
    queries: dict[str, str] = {}
    for file in sorted(folder.glob("*.sql")):
        parts = _NAME.split(file.read_text("utf-8"))
        for name, text in zip(parts[1::2], parts[2::2], strict=True):
            if name in queries:
                raise ValueError(f"{file.name}: there is already a query named {name}")
            queries[name] = text.strip().rstrip(";")
    return queries


SQL = load()
"""The queries of the program; for functions that are handed a connection only."""
