"""Reading and checking images as an import does, without keeping any."""

import hashlib

from services.importer.files import printable
from services.importer.records import ImageStorer, Stored
from shared.schemas.base import utc_now
from shared.schemas.dataset import ImageRecord
from shared.taskkit.formats.rows import Row
from shared.taskkit.images import Inspection


class ImageChecker(ImageStorer):
    """Says of each row what an import would say, and writes nothing."""

    def _keep(self, row: Row, data: bytes, found: Inspection) -> Stored:
        digest = hashlib.sha256(data).hexdigest()
        record = ImageRecord(
            id=digest[:16],
            filename=printable(row.file.name),
            width=found.width,
            height=found.height,
            bytes=len(data),
            format=found.format,
            sha256=digest,
            imported_at=utc_now(),
            source=printable(str(row.file)),
        )
        return Stored(row, record, ())
