from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from shared.schemas.dataset import ImageRecord
from shared.schemas.split import GroupBy
from shared.taskkit.groups import are_series, columns_of, group_of, numbers_something, series_of


def record(filename: str = "a.jpg", source: str | None = None, meta: dict[str, Any] | None = None) -> ImageRecord:
    return ImageRecord(
        id="0" * 16,
        filename=filename,
        width=8,
        height=8,
        bytes=1,
        format="JPEG",
        sha256="0" * 64,
        imported_at=datetime(2026, 1, 1, tzinfo=UTC),
        source=source,
        meta=meta,
    )


@pytest.mark.parametrize(
    ("filename", "separator", "parts", "group"),
    [
        ("1_60_80_0_04182.jpg", "_", 1, "1"),
        ("1_60_80_0_04182.jpg", "_", 4, "1_60_80_0"),
        ("1_60.jpg", "_", 4, "1_60"),
        ("plain.jpg", "_", 1, "plain"),
        ("walk.v2 f 7.png", " f ", 1, "walk.v2"),
        ("a.+b.+c.png", ".+", 2, "a.+b"),
    ],
)
def test_groups_by_file_name(filename: str, separator: str, parts: int, group: str) -> None:
    assert group_of(record(filename), GroupBy(by="filename", separator=separator, parts=parts)) == group


def test_groups_by_folder() -> None:
    group_by = GroupBy(by="folder")
    assert group_of(record(source="videos/7/frame 1.jpg"), group_by) == "videos/7"
    assert group_of(record(source="frame 1.jpg"), group_by) == "(top folder)"
    assert group_of(record(), group_by) == "(top folder)"


def test_groups_by_a_column_of_the_table() -> None:
    group_by = GroupBy(by="column", column="plant")
    assert group_of(record(meta={"columns": {"plant": 7}}), group_by) == "7"
    assert group_of(record(meta={"plant": "north"}), group_by) == "north"
    assert group_of(record(meta={"columns": {"plant": ""}}), group_by) is None
    assert group_of(record(), group_by) is None
    assert columns_of(record(meta={"subset": "val", "columns": {"plant": 7, "odd": []}})) == {"plant": 7}


def test_a_column_must_be_named() -> None:
    with pytest.raises(ValueError, match="name the column"):
        GroupBy(by="column")


@pytest.mark.parametrize(
    ("source", "series"),
    [
        ("videos/walk 3/frame_0017.png", "walk 3/frame_#"),
        ("cam2_0017_left.png", "/cam2_#_left"),
        ("000139.jpg", "/#"),
        ("plain.jpg", "/plain"),
        ("valid/7_0017.png", "/7_#"),
        ("a/walk3_17_jpg.rf.0123456789abcdef0123456789abcdef.jpg", "a/walk3_#_jpg"),
        ("a/IMG_7_jpg.rf.0123456789abcdef0123456789abcdef.jpg", "a/IMG_7_jpg.rf.#"),
    ],
)
def test_what_a_series_shares(source: str, series: str) -> None:
    assert series_of(record(source.rsplit("/", 1)[-1], source)) == series


@pytest.mark.parametrize(
    ("series", "numbered"),
    [
        ("walk 3/frame_#", True),
        ("/cam2_#", True),
        ("cats/IMG_#", False),
        ("/2007_#", False),
        ("a/dog_jpg.rf.#", True),
        ("/20071_#", True),
    ],
)
def test_a_series_has_a_number_of_its_own(series: str, numbered: bool) -> None:
    assert numbers_something(series) is numbered


def looks_like_series(names: list[str], strata: list[int]) -> bool:
    series = [series_of(record(name.rsplit("/", 1)[-1], name)) for name in names]
    codes = np.unique(series, return_inverse=True)[1].astype(np.int64)
    return are_series(codes, np.array([numbers_something(item) for item in series], dtype=bool), np.array(strata))


def test_frames_of_videos_are_series() -> None:
    names = [f"video{video}_{frame:04}.jpg" for video in range(6) for frame in range(10)]
    assert looks_like_series(names, [place % 2 for place in range(60)])
    in_folders = [f"{video}/frame{frame:04}.jpg" for video in range(6) for frame in range(10)]
    assert looks_like_series(in_folders, [0] * 60)


def test_classes_cameras_and_plain_numbers_are_none() -> None:
    of_classes = [f"class{number}_{place:04}.jpg" for number in range(6) for place in range(10)]
    assert not looks_like_series(of_classes, [number for number in range(6) for _ in range(10)])
    assert not looks_like_series([f"IMG_{place:04}.jpg" for place in range(60)], [0] * 60)
    assert not looks_like_series([f"{place:06}.jpg" for place in range(60)], [0] * 60)
    assert not looks_like_series(
        [f"{year}_{place:06}.jpg" for year in range(2007, 2013) for place in range(10)], [0] * 60
    )
    assert not looks_like_series([f"{place * 7919 % 997}a{place}b.jpg" for place in range(60)], [0] * 60)
    assert not looks_like_series([], [])
