"""What the launcher says. One line at a time, tidy, and quiet where nobody looks."""

import shutil
import sys


class Console:
    """Prints to the terminal; a line that is rewritten in place on a terminal is left out elsewhere."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty()
        self._open = False

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._end_live()
        print(text, flush=True)

    def live(self, text: str) -> None:
        """Show a line that the next one replaces."""
        if not self._live:
            return
        width = shutil.get_terminal_size().columns - 1
        print(f"\r\x1b[K{text[:width]}", end="", flush=True)
        self._open = True

    def warn(self, text: str) -> None:
        """Print a line about something that went wrong."""
        self._end_live()
        print(f"! {text}", file=sys.stderr, flush=True)

    def table(self, title: str, rows: list[tuple[str, str]]) -> None:
        """Print names and values in two columns."""
        width = max(len(name) for name, _ in rows)
        lines = [f"  {name:<{width}}  {value}" for name, value in rows]
        self.say("\n".join(["", title, "", *lines, ""]))

    def _end_live(self) -> None:
        if self._open:
            print("\r\x1b[K", end="", flush=True)
            self._open = False
