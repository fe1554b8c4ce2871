"""Sequences kept in columns, for data sets of any size: an item is a Python object while it is looked at."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import Any, Generic, TypeVar, overload

import pyarrow as pa

Item = TypeVar("Item")
Another = TypeVar("Another")
Other = TypeVar("Other")
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
        self._plain = plain(table.schema)

    @classmethod
    def of(cls, parts: Iterable[pa.Table], schema: pa.Schema, make: Callable[[Record], Item]) -> Columnar[Item]:
        """The records of some tables, one after the other; a column that a table lacks is null.

        Args:
            parts: Of few records each.
            schema: Columns and their types, `REPEATED` for texts that recur.
            make: From a record to its item.
        """
        whole = pa.concat_tables([_as(part, schema) for part in parts] or [schema.empty_table()])
        return cls(whole.unify_dictionaries(), make)

    def __len__(self) -> int:
        return len(self.table)

    def __iter__(self) -> Iterator[Item]:
        return map(self._make, self._records(self.table, self._plain))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(map(operator.eq, self, other))

    __hash__ = None  # type: ignore[assignment]  # as of a list

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Columnar[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Columnar[Item]:
        places = range(len(self))[index]
        if not isinstance(places, range):
            return self._make(next(self._records(self.table.slice(places, 1), self._plain)))
        return Columnar(self.table.slice(places.start, len(places)), self._make) if places.step == 1 else self.take(places)

    def take(self, places: Sequence[int]) -> Columnar[Item]:
        """The items at some places, in that order."""
        if len(places) > ROWS:
            return Columnar(self.table.take(pa.array(places, pa.int64())), self._make)
        # to take few, Arrow would join the chunks of every column first: each time as much work as there are records
        runs = [[place for _, place in run] for _, run in groupby(enumerate(places), lambda pair: pair[1] - pair[0])]
        parts = [self.table.slice(run[0], len(run)) for run in runs]
        return Columnar(pa.concat_tables(parts) if parts else self.table.slice(0, 0), self._make)

    def map(self, change: Callable[[Item], Other]) -> Columnar[Other]:
        """What a function makes of the items, made whenever it is looked at."""
        make = self._make
        return Columnar(self.table, lambda record: change(make(record)))

    def beside(self, other: Columnar[Another], change: Callable[[Item, Another], Other]) -> Columnar[Other]:
        """The same of each item and the one at its place in another sequence as long.

        Raises:
            ValueError: It is not as long.
        """
        if len(other) != len(self):
            raise ValueError(f"{len(other)} items beside {len(self)}.")
        mine, theirs, whole = self._make, other._make, self.table
        names = {name: f"{len(whole.column_names)} {name}" for name in other.table.column_names}
        for name, unique in names.items():
            whole = whole.append_column(unique, other.table[name])

        def make(record: Record) -> Other:
            return change(mine(record), theirs({name: record[unique] for name, unique in names.items()}))

        return Columnar(whole, make)

    def column(self, name: str) -> Iterator[Any]:
        """One value of every record."""
        column = self.table.select([name])
        return (record[name] for record in self._records(column, pa.schema([self._plain.field(name)])))

    @staticmethod
    def _records(table: pa.Table, schema: pa.Schema) -> Iterator[Record]:
        for batch in table.to_batches(ROWS):
            yield from batch.cast(schema).to_pylist()


def taken(items: Sequence[Item], places: Sequence[int]) -> Sequence[Item]:
    """The items at some places, in that order: in columns what was in columns, a list of others."""
    return items.take(places) if isinstance(items, Columnar) else [items[place] for place in places]


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


def plain(schema: pa.Schema) -> pa.Schema:
    """The same columns with each text written out."""
    return pa.schema([(field.name, _plain(field.type)) for field in schema])


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_list(kind):
        return pa.list_(_plain(kind.value_type))
    return kind.value_type if pa.types.is_dictionary(kind) else kind
