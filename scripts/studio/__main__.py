"""The command line: `./studio run`, `./studio demo`, `./studio install`."""

import sys

OLDEST = (3, 11)


def main() -> int:
    """Run the command named on the command line and return the exit status."""
    if sys.version_info < OLDEST:
        found = ".".join(map(str, sys.version_info[:3]))
        sys.stderr.write("AI Studio needs Python 3.11 or newer; this is %s (%s).\n" % (found, sys.executable))  # noqa: UP031
        sys.stderr.write("Install a newer Python and start again.\n")
        return 1
    # Only now, since the modules use syntax that an older Python cannot read.
    from scripts.studio.cli import run_command

    return run_command(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
