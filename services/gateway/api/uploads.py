"""Receiving an uploaded archive: written to the workspace's disk as it comes in, once."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from services.gateway.actions.imports import FORM_BYTES
from shared.errors import Invalid, TooLarge, invalid_field
from shared.store.files import TEMPORARY, disk_errors

_AT_ONCE = 1024 * 1024
_MOST_PARTS = 50


@dataclass(slots=True)
class Upload:
    """A form with one file. `path` is where the file lies until it is moved or the request ends."""

    path: Path
    filename: str = ""
    fields: dict[str, str] = field(default_factory=dict)


def is_form(request: Request) -> bool:
    """Whether the body is a form with files."""
    return request.headers.get("content-type", "").startswith("multipart/form-data")


@asynccontextmanager
async def received(request: Request, folder: Path, limit: int) -> AsyncIterator[Upload]:
    """Write the form's file below `folder` and give the form; what is still there afterwards is removed.

    Raises:
        Invalid: the body is no form, is cut off, or has no file.
        TooLarge: it holds more than `limit` bytes.
        DiskFull: there is no room for it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    upload = Upload(folder / f"{TEMPORARY}upload-{secrets.token_hex(8)}")
    try:
        with disk_errors(), upload.path.open("wb") as out:
            await _read(request, _Form(upload, out), limit)
        if not upload.filename:
            raise invalid_field("file", "is missing", code="invalid_request")
        yield upload
    finally:
        upload.path.unlink(missing_ok=True)


async def _read(request: Request, form: "_Form", limit: int) -> None:
    _, options = parse_options_header(request.headers.get("content-type", ""))
    if b"boundary" not in options:
        raise invalid_field("file", "is missing: the body is no form with a file", code="invalid_request")
    try:
        parser = MultipartParser(options[b"boundary"], form.callbacks())
        async for chunk in request.stream():
            parser.write(chunk)
            if form.file_size > limit or form.fields_size > FORM_BYTES or form.parts > _MOST_PARTS:
                raise TooLarge("upload_too_large", f"The archive is larger than the {limit:,} bytes that are allowed.")
            if form.waiting_size >= _AT_ONCE:
                await run_in_threadpool(form.flush)
        parser.finalize()
    except MultipartParseError as error:
        raise Invalid("invalid_form", f"The form cannot be read: {error}") from error
    await run_in_threadpool(form.flush)
    if not form.ended:
        raise Invalid("invalid_form", "The form is cut off.", hint="Upload the archive again.")


class _Form:
    """Takes the parts of a form apart."""

    def __init__(self, upload: Upload, out: IO[bytes]) -> None:
        self._upload = upload
        self._out = out
        self._waiting: list[bytes] = []
        self._header = [b"", b""]
        self._disposition = b""
        self._name = ""
        self._is_file = False
        self._value = b""
        self.waiting_size = 0
        self.file_size = 0
        self.fields_size = 0
        self.parts = 0
        self.ended = False

    def callbacks(self) -> Any:
        """Return what the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._add_to_header(0, data[start:end]),
            "on_header_value": lambda data, start, end: self._add_to_header(1, data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": lambda data, start, end: self._add(data[start:end]),
            "on_part_end": self._end_part,
            "on_end": self._end,
        }

    def flush(self) -> None:
        """Write what came in."""
        self._out.write(b"".join(self._waiting))
        self._waiting.clear()
        self.waiting_size = 0

    def _begin(self) -> None:
        self._disposition, self._value = b"", b""
        self.parts += 1

    def _add_to_header(self, part: int, data: bytes) -> None:
        self._header[part] += data

    def _end_header(self) -> None:
        if self._header[0].lower() == b"content-disposition":
            self._disposition = self._header[1]
        self._header = [b"", b""]

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        self._is_file = self._name == "file" and b"filename" in options and not self._upload.filename
        if self._is_file:
            self._upload.filename = options[b"filename"].decode("utf-8", "replace")

    def _add(self, data: bytes) -> None:
        if self._is_file:
            self._waiting.append(data)
            self.waiting_size += len(data)
            self.file_size += len(data)
        else:
            self._value += data
            self.fields_size += len(data)

    def _end_part(self) -> None:
        if not self._is_file:
            self._upload.fields[self._name] = self._value.decode("utf-8", "replace")

    def _end(self) -> None:
        self.ended = True
