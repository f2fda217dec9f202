"""What the entries of sparse vectors must be, each refusal with its array and place."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
import pytest

from embkit.formats.sparse_entries import check_entries

# Rows of 2, 0 and 2 entries in 4 columns.
GOOD: dict[str, list[Any]] = {
    "row_offsets": [0, 2, 2, 4],
    "columns": [0, 3, 1, 2],
    "values": [1.0, 2.0, 3.0, 4.0],
}


class RefusedError(Exception):
    """What stands for a FormatError."""


def check(**changes: list[Any]) -> int:
    def fail(name: str, reason: str) -> NoReturn:
        raise RefusedError(f"{name}: {reason}")

    arrays = {name: np.array(values) for name, values in {**GOOD, **changes}.items()}
    return check_entries(arrays, 4, fail)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"columns": [3, 0, 1, 2], "row_offsets": [0, 1, 2, 4]},  # another row may begin anew
        {"row_offsets": [0, 0, 0, 2, 4, 4]},
        {"row_offsets": [0], "columns": [], "values": []},
        {"row_offsets": [0, 0], "columns": [], "values": []},
    ],
)
def test_rows_that_fit_together_are_counted(changes: dict[str, list[Any]]) -> None:
    assert check(**changes) == len(changes.get("row_offsets", GOOD["row_offsets"])) - 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"row_offsets": []}, "row_offsets: row_offsets must not be empty"),
        ({"columns": [0, 3, 1]}, "columns: 4 values need as many columns, got 3"),
        ({"row_offsets": [1, 2, 2, 4]}, "row_offsets: row_offsets must go from 0 to 4"),
        ({"row_offsets": [0, 2, 2, 3]}, "row_offsets: row_offsets must go from 0 to 4"),
        ({"row_offsets": [0, 3, 2, 4]}, "row_offsets: row_offsets must not descend"),
        ({"columns": [0, 4, 1, 2]}, "columns: columns must be below 4, got 4 at 1"),
        ({"columns": [0, 3, -1, 2]}, "columns: columns must be below 4, got -1 at 2"),
        ({"columns": [3, 3, 1, 2]}, "columns: columns must rise within a row, not so at 1"),
        ({"columns": [0, 3, 2, 1]}, "columns: columns must rise within a row, not so at 3"),
        ({"values": [1.0, 2.0, np.nan, 4.0]}, "values: value 2 is not finite as float32"),
        ({"values": [-np.inf, 2.0, np.nan, 4.0]}, "values: value 0 is not finite as float32"),
    ],
)
def test_rows_that_do_not_are_refused(changes: dict[str, list[Any]], message: str) -> None:
    with pytest.raises(RefusedError) as caught:
        check(**changes)
    assert str(caught.value) == message
