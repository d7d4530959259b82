"""A split's assignment in the dataset's index, so that images can be asked for by subset."""

import sqlite3
from itertools import chain

import numpy as np

from shared.schemas.base import SUBSETS
from shared.schemas.split import Split


def load(db: sqlite3.Connection, split: Split) -> None:
    """Copy a split's assignment into the index, once; it never changes.

    Ids become positions in arrays, and one statement writes all rows in order: a look-up an image takes several times
    as long.
    """
    if db.execute("SELECT 1 FROM split_subsets WHERE split_id = ? LIMIT 1", (split.id,)).fetchone():
        return
    rows = db.execute("SELECT id, position FROM images INDEXED BY by_id ORDER BY id")
    ids, places = np.fromiter(chain.from_iterable(rows), dtype=np.int64).reshape(-1, 2).T
    codes = np.zeros(int(places.max(initial=-1)) + 1, dtype=np.uint8)
    for code, subset in enumerate(SUBSETS, 1):
        wanted = np.frombuffer(bytes.fromhex("".join(split.assignment.get(subset, []))), dtype=">i8").astype(np.int64)
        codes[places[np.isin(ids, wanted, assume_unique=True)]] = code
    subsets = " ".join(f"WHEN x'{code:02x}' THEN '{subset}'" for code, subset in enumerate(SUBSETS, 1))
    db.execute(
        f"INSERT OR IGNORE INTO split_subsets SELECT ?1, position, CASE substr(?2, position + 1, 1) {subsets} END"
        " FROM images WHERE substr(?2, position + 1, 1) <> x'00' ORDER BY position",
        (split.id, codes.tobytes()),
    )
    db.commit()
