"""Reading XML documents, whole or element by element, with the line of each element and without entities."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from xml.parsers import expat

from shared.taskkit.formats.label_files import Unreadable

_BLOCK = 1 << 18


@dataclass(slots=True)
class Element:
    """An element, the line on which it begins, and the text that stands in it before its first child."""

    tag: str
    line: int
    text: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["Element"] = field(default_factory=list)

    def child(self, tag: str) -> "Element | None":
        """Return the first child of a name."""
        return next((item for item in self.children if item.tag == tag), None)

    def all(self, tag: str) -> "list[Element]":
        """Return the children of a name."""
        return [item for item in self.children if item.tag == tag]

    def said(self, tag: str) -> str:
        """Return the text of the first child of a name, empty where there is none."""
        child = self.child(tag)
        return "" if child is None else child.text.strip()


def parse_xml(data: bytes) -> Element:
    """Return the root of an XML document.

    Raises:
        Unreadable: not well formed, in an encoding that is not known, or it declares entities, which can make a small
            document grow without bounds and open other files.
    """
    builder = _Builder()
    with _told():
        builder.parser.Parse(data, True)
    return builder.root


def xml_elements(data: bytes, root: str) -> Iterator[Element]:
    """Yield the elements below the root of an XML document one after the other, so that only one is held at a time.

    Raises:
        Unreadable: as `parse_xml`, or the root is called otherwise.
    """
    builder = _Builder()
    for start in range(0, max(len(data), 1), _BLOCK):
        with _told():
            builder.parser.Parse(data[start : start + _BLOCK], start + _BLOCK >= len(data))
        if builder.root.tag not in ("", root):
            raise Unreadable(f"The document is <{builder.root.tag[:40]}> and not <{root}>", builder.root.line)
        yield from builder.finished()


@contextmanager
def _told() -> Iterator[None]:
    """Turn what the parser raises into `Unreadable`."""
    try:
        yield
    except expat.ExpatError as error:
        message = f"Not valid XML (column {error.offset + 1}): {expat.ErrorString(error.code)}"
        raise Unreadable(message, error.lineno, "Write the file again with the tool that made it.") from error
    except (ValueError, LookupError) as error:
        mend = "Save the file with the encoding UTF-8."
        raise Unreadable(f"The encoding cannot be read: {error}", 1, mend) from error


class _Builder:
    """Builds elements from what the parser meets."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._data
        self.parser.EntityDeclHandler = self._entity
        self.root = Element("", 1)
        self._open: list[Element] = []

    def finished(self) -> list[Element]:
        """Return the elements below the root that are whole, and forget them."""
        children = self.root.children
        count = len(children) - (len(self._open) > 1)
        self.root.children = children[count:]
        return children[:count]

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        element = Element(tag, self.parser.CurrentLineNumber, attributes=attributes)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def _end(self, _tag: str) -> None:
        self._open.pop()

    def _data(self, text: str) -> None:
        element = self._open[-1]
        if not element.children and element is not self.root:
            element.text += text

    def _entity(self, *_declaration: object) -> None:
        message = "The document declares entities, which are not read"
        raise Unreadable(message, self.parser.CurrentLineNumber, "Remove the lines with <!ENTITY.")
