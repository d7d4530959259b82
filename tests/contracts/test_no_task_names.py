"""Nothing outside of a task's folder knows the task's name."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from shared.taskkit.registry import task_ids
from tests.contracts.sources import ROOT, files, short, tree

PLACES = ("shared", "services", "scripts", "frontend", "tests/contracts", "tests/support")
NAMES = re.compile(rf"\b({'|'.join(map(re.escape, task_ids()))})\b")
COMMENTS = re.compile(r"\{#.*?#\}|/\*.*?\*/|<!--.*?-->|^\s*//[^\n]*", re.DOTALL | re.MULTILINE)


def _watched(*suffixes: str) -> Iterator[Path]:
    tasks = [ROOT / "shared" / "tasks" / task_id for task_id in task_ids()]
    for path in files(*suffixes):
        inside = any(path.is_relative_to(ROOT / place) for place in PLACES)
        if inside and not any(path.is_relative_to(task) for task in tasks):
            yield path


def _docstrings(module: ast.Module) -> set[int]:
    """Return the ids of the constants that only explain: texts that stand as a statement of their own."""
    return {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}


def _words(path: Path) -> Iterator[str]:
    """Yield every string and every imported name of a Python file."""
    module = tree(path)
    explaining = _docstrings(module)
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in explaining:
            yield node.value
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (node.module or "", *(alias.name for alias in node.names))


def test_python_names_no_task():
    found = {short(path): word for path in _watched(".py") for word in _words(path) if NAMES.search(word)}
    assert not found, f"Ask the task's spec instead: {found}"


def test_templates_and_scripts_name_no_task():
    texts = {short(path): COMMENTS.sub("", path.read_text("utf-8")) for path in _watched(".html", ".js", ".css")}
    found = {name: match[0] for name, text in texts.items() if (match := NAMES.search(text))}
    assert not found, f"Let the server tell what the task's spec says: {found}"
