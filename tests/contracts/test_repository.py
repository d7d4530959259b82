"""What the repository holds works on any machine and installs exactly what was tested."""

import re
from pathlib import Path

import pytest

from scripts.studio.locks import blocks
from tests.contracts.sources import ROOT, files, short

# Put together from parts, since the names themselves must not stand in any file.
HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("deb", "debian", "org"),
        ("download", "pytorch", "org"),
        ("ghcr", "io"),
        ("quay", "io"),
        ("jsdelivr", "net"),
        ("unpkg", "com"),
    )
]
MACHINE_PATH = re.compile(r"(?<![\w./<>{}-])/(?:work|root|Users/\w+|home/\w+)/\w")
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def _texts() -> list[tuple[str, str]]:
    found = []
    for path in files():
        try:
            found.append((short(path), path.read_text("utf-8")))
        except UnicodeDecodeError:
            continue
    return found


def test_no_file_names_a_package_registry():
    found = {name: host for name, text in _texts() for host in HOSTS if host in text}
    assert not found, "The machine's own configuration says where packages come from."


def test_no_file_names_a_path_of_one_machine():
    found = {name: match[0] for name, text in _texts() if (match := MACHINE_PATH.search(text))}
    assert not found


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_requirement_is_pinned_with_hashes(lock: Path):
    found = blocks(lock.read_text())
    assert found
    loose = [block.splitlines()[0] for block in found if "==" not in block or "--hash=sha256:" not in block]
    assert not loose


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_wanted_package_is_locked(lock: Path):
    wanted = {line.strip() for line in lock.with_suffix(".in").read_text().splitlines() if line and line[0] != "#"}
    locked = {block.partition("==")[0] for each in LOCKS for block in blocks(each.read_text())}
    assert wanted <= locked, "Run `make lock`."
