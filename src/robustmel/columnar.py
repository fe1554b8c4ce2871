"""Sequences kept in columns, for data sets of any size: an item is a Python object while it is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Generic, TypeVar, overload

import pyarrow as pa

Item = TypeVar("Item")
Record = dict[str, Any]
"""One line of a table: column -> value."""

ROWS = 256
"""Records of a table that are Python objects at once."""

REPEATED = pa.dictionary(pa.int32(), pa.string())
"""Type of a column of which many rows hold the same text: each text is kept once."""


class Columnar(Sequence[Item], Generic[Item]):
    """Items of one type, made of the records of a table whenever they are asked for; two of them are two objects.

    Args:
        table: A record an item.
        make: From a record to its item.
    """

    def __init__(self, table: pa.Table, make: Callable[[Record], Item]) -> None:
        self.table, self._make = table, make
        self._plain = pa.schema([(field.name, _plain(field.type)) for field in table.schema])

    @classmethod
    def of(cls, parts: Iterable[pa.Table], schema: pa.Schema, make: Callable[[Record], Item]) -> Columnar[Item]:
        """The records of some tables, one after the other; a column that a table lacks is null.

        Args:
            parts: Of few records each.
            schema: Columns and their types, `REPEATED` for texts that recur.
            make: From a record to its item.
        """
        whole = pa.concat_tables([_as(part, schema) for part in parts] or [schema.empty_table()])
        return cls(whole.unify_dictionaries().combine_chunks(), make)

    def __len__(self) -> int:
        return len(self.table)

    def __iter__(self) -> Iterator[Item]:
        return map(self._make, self._records(self.table, self._plain))

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Columnar[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Columnar[Item]:
        places = range(len(self))[index]
        return self.take(places) if isinstance(places, range) else next(iter(Columnar(self.table.slice(places, 1), self._make)))

    def take(self, places: Sequence[int]) -> Columnar[Item]:
        """The items at some places, in that order."""
        return Columnar(self.table.take(pa.array(places, pa.int64())), self._make)

    def column(self, name: str) -> Iterator[Any]:
        """One value of every record."""
        column = self.table.select([name])
        return (record[name] for record in self._records(column, pa.schema([self._plain.field(name)])))

    @staticmethod
    def _records(table: pa.Table, schema: pa.Schema) -> Iterator[Record]:
        for batch in table.to_batches(ROWS):
            yield from batch.cast(schema).to_pylist()


def tables(records: Iterable[Record], schema: pa.Schema) -> Iterator[pa.Table]:
    """Records in columns, so many at a time."""
    ahead = iter(records)
    while part := list(islice(ahead, ROWS)):
        yield pa.Table.from_pylist(part, schema=schema)


def _as(part: pa.Table, schema: pa.Schema) -> pa.Table:
    for field in schema:
        if field.name not in part.column_names:
            part = part.append_column(field, pa.nulls(len(part), field.type))
    return part.select(schema.names).cast(schema)


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_list(kind):
        return pa.list_(_plain(kind.value_type))
    return kind.value_type if pa.types.is_dictionary(kind) else kind
