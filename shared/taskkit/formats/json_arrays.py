"""Reading large JSON documents element by element, with the line of each."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shared.taskkit.formats.label_files import Unreadable

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")


def top_elements(text: str) -> Iterator[tuple[str, int, object]]:
    """Yield key, line and element for each element of the arrays that stand at the top of a JSON object.

    Of an object that stands there each member is an element: a dictionary with its key and value alone. Any other value
    but null is an element itself. Only one element is decoded at a time, so that a document costs little more memory
    than its text.

    Raises:
        Unreadable: not valid JSON, no object at the top, or a key of an array or object stands there twice.
    """
    cursor = _Cursor(text)
    with _told(cursor):
        yield from cursor.elements()


def list_elements(text: str) -> Iterator[tuple[int, object]]:
    """Yield line and element for each element of a JSON document that is one array.

    Raises:
        Unreadable: not valid JSON, or no array at the top.
    """
    cursor = _Cursor(text)
    with _told(cursor):
        yield from cursor.array()


def whole(text: str) -> dict[str, Any]:
    """Return a small JSON document that is an object.

    Raises:
        Unreadable: not valid JSON, or no object.
    """
    cursor = _Cursor(text)
    with _told(cursor):
        return cursor.document()


@contextmanager
def _told(cursor: "_Cursor") -> Iterator[None]:
    """Turn what the decoder raises into `Unreadable`."""
    try:
        yield
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
            raise Unreadable("The document is no JSON object", self.here(), "It must begin with a brace: {.")
        seen: set[str] = set()
        for line, key in self._keys():
            kind = {"[": "array", "{": "object"}.get(self._peek())
            if kind is None:
                if (value := self._value()) is not None:
                    yield key, line, value
                continue
            if key in seen:
                raise Unreadable(f"The {kind} {key!r} stands there twice", line, "Join the two.")
            seen.add(key)
            if kind == "array":
                yield from ((key, below, element) for below, element in self._elements())
            else:
                yield from ((key, below, {name: self._value()}) for below, name in self._keys())
        self._end()

    def array(self) -> Iterator[tuple[int, object]]:
        if self._peek() != "[":
            raise Unreadable("The document is no JSON array", self.here(), "It must begin with a bracket: [.")
        yield from self._elements()
        self._end()

    def document(self) -> dict[str, Any]:
        if self._peek() != "{":
            raise Unreadable("The document is no JSON object", self.here(), "It must begin with a brace: {.")
        value = self._value()
        self._end()
        return value if isinstance(value, dict) else {}

    def _keys(self) -> Iterator[tuple[int, str]]:
        """Stop before each value of an object; whoever iterates reads it."""
        for _ in self._items("{", "}"):
            line = self.here()
            key = self._value()
            if not isinstance(key, str):
                raise json.JSONDecodeError("Expecting a key in double quotes", self._text, self._at)
            self._expect(":")
            yield line, key

    def _elements(self) -> Iterator[tuple[int, object]]:
        for _ in self._items("[", "]"):
            yield self.here(), self._value()

    def _end(self) -> None:
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
