"""A sequence in columns says what the list of its records says, and keeps texts that recur once."""

from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from robustmel.columnar import REPEATED, ROWS, Columnar, tables

SCHEMA = pa.schema([("id", pa.string()), ("gold", REPEATED), ("candidates", pa.list_(REPEATED)), ("gone", pa.bool_())])
WRITTEN = pa.schema([("id", pa.string()), ("gold", pa.string()), ("candidates", pa.list_(pa.string()))])
NAMES = st.sampled_from(["a", "b", "ü", ""])
RECORDS = st.lists(
    st.fixed_dictionaries({"id": st.text(max_size=3), "gold": NAMES | st.none(), "candidates": st.none() | st.lists(NAMES)})
)


def columnar(records: list[dict[str, Any]]) -> Columnar[dict[str, Any]]:
    return Columnar.of(tables(records, WRITTEN), SCHEMA, dict)


@given(RECORDS, st.integers(0, 2), st.slices(600))
def test_it_says_what_the_list_of_its_records_says(records: list[dict[str, Any]], times: int, part: slice) -> None:
    records = records + records * times * ROWS
    expected = [record | {"gone": None} for record in records]
    made = columnar(records)
    assert list(made) == expected
    assert len(made) == len(expected)
    assert list(made.column("candidates")) == [record["candidates"] for record in records]
    assert list(made[part]) == expected[part]
    for place in range(-min(len(records), 3), min(len(records), 3)):
        assert made[place] == expected[place]


def test_texts_that_recur_are_kept_once() -> None:
    names = [f"an entity with a long name, number {number}" for number in range(20)]
    many = columnar([{"id": str(n), "gold": names[n % 20], "candidates": names} for n in range(20 * ROWS)])
    assert many.table.nbytes / len(many) < 4 * len(names) + 40  # four bytes a candidate, and offsets


def test_few_are_taken_without_a_copy_of_any_column() -> None:
    many = columnar([{"id": str(n), "gold": "a", "candidates": ["b"]} for n in range(3 * ROWS)])
    allocated = pa.total_allocated_bytes()
    few = many.take([ROWS, ROWS + 1, 5, 2 * ROWS + 7])
    assert pa.total_allocated_bytes() == allocated
    assert [record["id"] for record in few] == [str(ROWS), str(ROWS + 1), "5", str(2 * ROWS + 7)]
