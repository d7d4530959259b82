"""Reading large JSON documents element by element, with the line of each."""

import json
import re
from collections.abc import Iterator

from shared.taskkit.formats.label_files import Unreadable

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")


def array_elements(text: str) -> Iterator[tuple[str, int, object]]:
    """Yield key, line and element for each element of the arrays that stand at the top of a JSON object.

    Only one element is decoded at a time, so that a document costs little more memory than its text. Other values at
    the top are passed over.

    Raises:
        Unreadable: not valid JSON, no object at the top, or an array's key stands there twice.
    """
    cursor = _Cursor(text)
    try:
        yield from cursor.elements()
    except json.JSONDecodeError as error:
        mend = "Write the file again with the tool that made it."
        raise Unreadable(f"Not valid JSON (column {error.colno}): {error.msg}", error.lineno, mend) from error
    except RecursionError as error:
        raise Unreadable("Not usable JSON: it is nested too deeply", cursor.here()) from error
    except ValueError as error:
        raise Unreadable(f"Not usable JSON: {error}", cursor.here()) from error


class _Cursor:
    """A place in the text that moves on."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._counted = 0

    def elements(self) -> Iterator[tuple[str, int, object]]:
        if self._peek() != "{":
            raise Unreadable("The document is no JSON object", self.here(), "A COCO file begins with a brace: {.")
        seen: set[str] = set()
        for _ in self._items("{", "}"):
            line = self.here()
            key = self._value()
            if not isinstance(key, str):
                raise json.JSONDecodeError("Expecting a key in double quotes", self._text, self._at)
            self._expect(":")
            if self._peek() != "[":
                self._value()
                continue
            if key in seen:
                raise Unreadable(f"The array {key!r} stands there twice", line, "Join the two.")
            seen.add(key)
            for _ in self._items("[", "]"):
                line = self.here()
                yield key, line, self._value()
        if self._peek():
            raise json.JSONDecodeError("More text after the end", self._text, self._at)

    def _items(self, opening: str, closing: str) -> Iterator[None]:
        """Stop before each item between two brackets; whoever iterates reads the item."""
        self._expect(opening)
        if self._peek() == closing:
            self._at += 1
            return
        while True:
            self._peek()
            yield
            if self._peek() == closing:
                self._at += 1
                return
            self._expect(",")

    def _peek(self) -> str:
        """Return the next character that is no space, empty at the end."""
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._text[self._at : self._at + 1]

    def _expect(self, character: str) -> None:
        if self._peek() != character:
            raise json.JSONDecodeError(f"Expecting {character!r}", self._text, self._at)
        self._at += 1

    def _value(self) -> object:
        self._peek()
        value: object
        value, self._at = _DECODER.raw_decode(self._text, self._at)
        return value

    def here(self) -> int:
        """Return the line of the place, from 1."""
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line
