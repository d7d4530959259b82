"""Files and functions stay small enough to be read at once."""

import ast
from collections.abc import Iterator

from tests.contracts.sources import files, lines, short, tree

BUDGET = {".py": 300, ".html": 150, ".js": 200}
FUNCTION = 60

EXCEPTIONS: dict[str, str] = {}
"""The debt register: `path` or `path::function`, and why it may be larger. Every entry is to be paid back."""


def _too_large() -> Iterator[tuple[str, int]]:
    for path in files(*BUDGET):
        if (size := lines(path)) > BUDGET[path.suffix]:
            yield short(path), size


def _too_long() -> Iterator[tuple[str, int]]:
    for path in files(".py"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or node.lineno) - node.lineno + 1
                if size > FUNCTION:
                    yield f"{short(path)}::{node.name}", size


def test_files_and_functions_are_within_budget():
    found = {name: size for name, size in (*_too_large(), *_too_long()) if name not in EXCEPTIONS}
    assert not found, f"Split these (lines each): {found}"


def test_the_debt_register_holds_no_paid_debts():
    owed = {name for name, _ in (*_too_large(), *_too_long())}
    assert set(EXCEPTIONS) <= owed, f"No longer too large, take them out: {set(EXCEPTIONS) - owed}"
