"""What import-linter cannot see: wanjia.py is a module above the packages, the only one that composes them."""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("collector", "protocols", "api", "storage", "alerts", "config")
EDGES = {"asyncpg", "nats", "pymodbus", "aiomqtt", "fastapi", "starlette"}


def imported(file: Path) -> set[str]:
    """Top-level names of everything a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def test_nothing_imports_the_composition_root() -> None:
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")]
    assert files
    assert [str(file) for file in files if "wanjia" in imported(file)] == []


def test_the_composition_root_leaves_the_edges_to_their_packages() -> None:
    assert imported(ROOT / "wanjia.py") & EDGES == set()
