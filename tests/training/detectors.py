"""Detectors of one's own."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TableNumber:
    """Suspects high tables, and abstains on table 7."""

    version = 1
    sign: int = 1

    def scores(self, records, kb):  # type: ignore[no-untyped-def]
        tables = [int(record.text.rpartition(" ")[2]) for record in records]
        return np.array([np.nan if table == 7 else self.sign * table for table in tables])


@dataclass(frozen=True)
class Capitals:
    """Counts words in capitals, the mention left alone."""

    version = 1
    by_record = True

    def scores(self, records, kb):  # type: ignore[no-untyped-def]
        return np.array([float(sum(map(str.isupper, record.text.split()))) for record in records])
