"""From one list of chunks to another: only the records that differ are touched."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from shared.store import index_rows
from shared.store.chunks import Chunks
from shared.store.index_rows import PER_CHUNK, Tally, row_of

_REBUILD_SHARE = 0.3
"""When more of the records differ, writing the index anew is quicker."""
_ALWAYS = 16
_SAMPLE = 8
"""So many chunks, evenly chosen, tell how many of their records differ."""


@dataclass(frozen=True, slots=True)
class Change:
    """A chunk put in the place of another; None for no chunk."""

    ordinal: int
    old: str | None
    new: str | None


def pairs(known: Sequence[tuple[int, str]], wanted: Sequence[str]) -> list[Change] | None:
    """Return what leads from the known chunks, with their ordinals, to the wanted; None if only building anew does."""
    have = [digest for _, digest in known]
    head = _common(have, wanted)
    tail = min(_common(have[::-1], wanted[::-1]), len(have) - head, len(wanted) - head)
    old, new = known[head : len(have) - tail], wanted[head : len(wanted) - tail]
    if len(new) > len(old) and tail:
        return None
    end = known[-1][0] + 1 if known else 0
    ordinals = [ordinal for ordinal, _ in old] + list(range(end, end + len(new) - len(old)))
    return [
        Change(ordinal, before, after)
        for ordinal, before, after in zip_longest(ordinals, [digest for _, digest in old], new)
        if before != after
    ]


def few(chunks: Chunks, changes: Sequence[Change], known: int) -> bool:
    """Whether applying changes to an index of `known` chunks is quicker than building it anew."""
    replaced = [change for change in changes if change.old]
    if len(changes) - len(replaced) > max(_ALWAYS, known):
        return False
    if len(replaced) <= _ALWAYS:
        return True
    sample = replaced[:: -(-len(replaced) // _SAMPLE)]
    return sum(_share(chunks, change) for change in sample) / len(sample) * len(replaced) < _REBUILD_SHARE * known


def _share(chunks: Chunks, change: Change) -> float:
    """Return how many of the records of a chunk that is replaced differ, by their places."""
    old = chunks.lines(change.old) if change.old else []
    new = chunks.lines(change.new) if change.new else []
    same = sum(before == after for before, after in zip(old, new, strict=False))
    return 1 - same / max(len(old), len(new), 1)


def apply(db: sqlite3.Connection, chunks: Chunks, changes: Sequence[Change]) -> None:
    """Bring the index from old chunks to new ones."""
    tally, moved = Tally(), False
    for change in changes:
        before = chunks.lines(change.old) if change.old else []
        after = chunks.lines(change.new) if change.new else []
        gone, come, old_notes, new_notes = [], [], [], []
        for at, (old, new) in enumerate(zip_longest(before, after)):
            if old == new:
                continue
            position = change.ordinal * PER_CHUNK + at
            one, other = row_of(position, old) if old else None, row_of(position, new) if new else None
            if one and other and one.image[:12] == other.image[:12]:
                old_notes.append(one)
                new_notes.append(other)
                continue
            gone += [one] if one else []
            come += [other] if other else []
        moved = moved or [row.image[:2] for row in gone] != [row.image[:2] for row in come]
        index_rows.remove(db, gone, tally)
        index_rows.insert(db, come, tally)
        index_rows.annotate(db, old_notes, new_notes, tally)
        db.execute("DELETE FROM chunks WHERE ordinal = ?", (change.ordinal,))
        if change.new:
            offsets = index_rows.offsets_of(after)
            db.execute("INSERT INTO chunks VALUES (?, ?, ?)", (change.ordinal, change.new, offsets))
    if moved:
        db.execute("DELETE FROM split_subsets")
    index_rows.save(db, tally)


def _common(first: Sequence[str], second: Sequence[str]) -> int:
    """Return how many items two lists begin with in common."""
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count
