"""Reading and checking images as an import does, without keeping any."""

from services.importer.records import ImageStorer, Stored, record_of
from shared.taskkit.formats.rows import Row
from shared.taskkit.images import Inspection


class ImageChecker(ImageStorer):
    """Says of each row what an import would say, and writes nothing."""

    def _keep(self, row: Row, data: bytes, found: Inspection) -> Stored:
        return Stored(row, record_of(row, data, found), ())
