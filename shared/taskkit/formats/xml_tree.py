"""Reading small XML documents, with the line of each element and without entities."""

from dataclasses import dataclass, field
from xml.parsers import expat

from shared.taskkit.formats.label_files import Unreadable


@dataclass(slots=True)
class Element:
    """An element, the line on which it begins, and the text that stands in it before its first child."""

    tag: str
    line: int
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def child(self, tag: str) -> "Element | None":
        """Return the first child of a name."""
        return next((item for item in self.children if item.tag == tag), None)

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
    try:
        builder.parser.Parse(data, True)
    except expat.ExpatError as error:
        message = f"Not valid XML (column {error.offset + 1}): {expat.ErrorString(error.code)}"
        raise Unreadable(message, error.lineno, "Write the file again with the tool that made it.") from error
    except (ValueError, LookupError) as error:
        mend = "Save the file with the encoding UTF-8."
        raise Unreadable(f"The encoding cannot be read: {error}", 1, mend) from error
    return builder.root


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

    def _start(self, tag: str, _attributes: dict[str, str]) -> None:
        element = Element(tag, self.parser.CurrentLineNumber)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def _end(self, _tag: str) -> None:
        self._open.pop()

    def _data(self, text: str) -> None:
        if not self._open[-1].children:
            self._open[-1].text += text

    def _entity(self, *_declaration: object) -> None:
        message = "The document declares entities, which are not read"
        raise Unreadable(message, self.parser.CurrentLineNumber, "Remove the lines with <!ENTITY.")
