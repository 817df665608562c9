"""Reading a registry file (YAML, with CSV tables) into blocks that remember file, line and key of all they hold.

Scalars stay the text that was written, so that `code: 007`, `region: 110105` and a cell of a table mean what they say;
the models (config/registry_models.py) make numbers, dates and booleans of them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from config.errors import ConfigError, Fault, unreadable

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = "tag:yaml.org,2002:null"


class Block(dict[str, Any]):
    """A mapping as written. `path` is its key path in file or row, `defaults` what fills its holes."""

    __slots__ = ("defaults", "file", "line", "lines", "path", "table")

    def __init__(self, file: str, line: int, path: str, *, table: bool = False) -> None:
        super().__init__()
        self.file, self.line, self.path, self.table = file, line, path, table
        self.lines: dict[str, int] = {}
        self.defaults: Block | None = None

    def where(self, key: str = "") -> str:
        """`file:line path.key` of a key, or of the whole block."""
        if key and key not in self.lines and self.defaults is not None and key in self.defaults:
            return self.defaults.where(key)
        path = ".".join(part for part in (self.path, key) if part)
        return f"{self.file}:{self.lines.get(key, self.line)} {path}".rstrip()

    def where_column(self, key: str) -> str:
        """Where the key itself stands: the header of a table, else as `where`."""
        if self.table and key in self.lines:
            return f"{self.file}:1 column {'.'.join(part for part in (self.path, key) if part)}"
        return self.where(key)

    def filled(self, defaults: Block | None) -> Block:
        """This block with what it leaves out taken from `defaults`, mappings inside filled likewise."""
        if defaults is None:
            return self
        whole = Block(self.file, self.line, self.path, table=self.table)
        whole.lines, whole.defaults = self.lines, defaults
        whole.update(defaults)
        for key, value in self.items():
            inner = defaults.get(key)
            whole[key] = value.filled(inner) if isinstance(value, Block) and isinstance(inner, Block) else value
        return whole


def read_yaml(path: Path) -> tuple[Any, list[Fault]]:
    """The file as blocks, lists and texts, with the faults of its form. Raises ConfigError when it is no YAML."""
    text = read_text(path)
    try:
        node = yaml.compose(text, Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        problem = " ".join(part for part in (error.context, error.problem) if part)
        fix = "correct the YAML there (indent with spaces, quote texts that hold ': ' or '#')"
        raise ConfigError([Fault(f"{path}:{line}", f"cannot be read: {problem}", fix)]) from None
    except yaml.YAMLError as error:
        raise ConfigError([Fault(str(path), f"cannot be read: {error}", "save it as plain UTF-8 text")]) from None
    if node is None:
        raise ConfigError([Fault(f"{path}:1", "is empty", "begin with `enterprises:`")])
    faults: list[Fault] = []
    return _value(node, str(path), "", faults), faults


def read_text(path: Path) -> str:
    """The file's text. Raises ConfigError naming the file when it is missing or not UTF-8."""
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ConfigError([Fault(f"{path}:{line}", "is not UTF-8", "save it as UTF-8 (not GBK)")]) from None
    except OSError as error:
        raise ConfigError([unreadable(path, error)]) from None


def _value(node: yaml.Node, file: str, path: str, faults: list[Fault]) -> Any:
    if isinstance(node, yaml.MappingNode):
        return _block(node, file, path, faults)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, file, f"{path}[{index}]", faults) for index, item in enumerate(node.value)]
    return None if node.tag == _NULL else node.value


def _block(node: yaml.MappingNode, file: str, path: str, faults: list[Fault]) -> Block:
    block = Block(file, node.start_mark.line + 1, path)
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            faults.append(Fault(f"{file}:{line} {path}".rstrip(), "a key is not a word", "write `key: value`"))
            continue
        key = str(key_node.value)
        inner = f"{path}.{key}" if path else key
        if key in block.lines:
            fix = f"keep this or the one on line {block.lines[key]}"
            faults.append(Fault(f"{file}:{line} {inner}", "is given twice", fix))
            continue
        block.lines[key] = line
        block[key] = _value(value_node, file, inner, faults)
    return block


def read_table(path: Path, faults: list[Fault]) -> list[Block]:
    """Rows of a CSV file as blocks; empty cells are left out, a column `a.b` is key b of a mapping a."""
    try:
        text = read_text(path)
    except ConfigError as error:
        faults.extend(error.faults)
        return []
    rows = csv.reader(text.splitlines(keepends=True), strict=True)
    try:
        columns = [name.strip() for name in next(rows, [])]
        if len(set(columns)) < len(columns) or not all(columns):
            faults.append(Fault(f"{path}:1", "a column has no name or another's name", "name each column once"))
            return []
        return list(_rows(rows, columns, path, faults))
    except csv.Error as error:
        faults.append(Fault(f"{path}:{rows.line_num}", f"cannot be read: {error}", "close every quote in its row"))
        return []


def _rows(rows: Any, columns: list[str], path: Path, faults: list[Fault]) -> Iterator[Block]:
    file = str(path)
    for cells in rows:
        line = rows.line_num
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(columns):
            what = f"has {len(cells)} cells for {len(columns)} columns"
            faults.append(Fault(f"{file}:{line}", what, "quote texts that hold a comma"))
            continue
        row = Block(file, line, "", table=True)
        for column, cell in zip(columns, cells, strict=False):
            if cell := cell.strip():
                _put(row, column, cell)
        yield row


def _put(row: Block, column: str, cell: str) -> None:
    """Set a cell; `a.b` goes into the mapping a of the row."""
    key, dot, rest = column.partition(".")
    row.lines[key] = row.line
    if not dot:
        row[key] = cell
        return
    inner = row.get(key)
    if not isinstance(inner, Block):
        path = f"{row.path}.{key}" if row.path else key
        inner = row[key] = Block(row.file, row.line, path, table=True)
    _put(inner, rest, cell)
