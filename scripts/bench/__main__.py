"""Runs every benchmark of this folder, each in a fresh interpreter: `python -m scripts.bench [name ...]`."""

import os
import pkgutil
import platform
import subprocess
import sys

import scripts.bench


def names() -> list[str]:
    """Return the benchmarks of this folder; modules that start with an underscore are helpers."""
    found = (module.name for module in pkgutil.iter_modules(scripts.bench.__path__))
    return sorted(name for name in found if not name.startswith("_"))


def main() -> int:
    """Run the named benchmarks, or all, and return 1 when any missed its goal."""
    chosen = sys.argv[1:] or names()
    if unknown := set(chosen) - set(names()):
        print(f"No such benchmark: {', '.join(sorted(unknown))}. There are: {', '.join(names())}.", file=sys.stderr)
        return 2
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}\n", flush=True)
    missed = [name for name in chosen if subprocess.run([sys.executable, "-m", f"scripts.bench.{name}"]).returncode]
    print(f"\n{len(chosen) - len(missed)} of {len(chosen)} reached their goal.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
