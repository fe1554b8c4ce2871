"""What all measurements share: taking turns, medians with their noise, JSON lines, and bounds to check.

Processor seconds are compared, not wall-clock ones, and libraries take turns within every repetition: a busy machine then
slows all of them alike.
"""

from __future__ import annotations

import importlib.metadata
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DISTRIBUTIONS = {"art": "adversarial-robustness-toolbox"}
"""Names on the package index, where a library is called otherwise there."""


@dataclass(frozen=True)
class Figure:
    """A median over repetitions.

    Args:
        value: The median.
        noise: Twice its standard error, from the median absolute deviation: what lies within it may be chance. Of fewer than
            three values, which say nothing of it, as large as the median.
    """

    value: float
    noise: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Figure:
        """Of at least one value."""
        middle = statistics.median(values)
        if len(values) < 3:
            return cls(middle, abs(middle))
        spread = statistics.median(abs(one - middle) for one in values)
        return cls(middle, 2 * 1.2533 * 1.4826 * spread / len(values) ** 0.5)

    def above(self, bound: float) -> bool:
        """Whether it lies above a bound by more than its noise."""
        return self.value - self.noise > bound


def turns(runs: Mapping[str, Callable[[], Any]], repetitions: int) -> dict[str, list[float]]:
    """Processor seconds of every run in every repetition, after one run of each that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for repetition in range(repetitions + 1):
        for name, run in runs.items():
            began = time.process_time()
            made = run()
            spent = time.process_time() - began
            del made  # letting go of it is not part of making it
            if repetition:
                seconds[name].append(spent)
    return seconds


def relative(seconds: Sequence[float], others: Sequence[float]) -> Figure:
    """How many times the others' seconds: the median over repetitions, each compared with its own neighbour in time."""
    return Figure.of([one / other for one, other in zip(seconds, others, strict=True)])


def version(library: str) -> str | None:
    """Of an installed library, "" for the bare loop, which is torch alone."""
    if library == "bare":
        return ""
    try:
        return importlib.metadata.version(DISTRIBUTIONS.get(library, library))
    except importlib.metadata.PackageNotFoundError:
        return None


class Lines:
    """Prints figures at once and ratios at the end; remembers which bounds were broken.

    Args:
        **always: Fields of every line, for example the number of threads.
    """

    def __init__(self, **always: Any) -> None:
        self._always = always
        self._ratios: list[dict[str, Any]] = []
        self.broken: list[str] = []

    def tell(self, library: str, job: str, **figures: Any) -> None:
        """One line."""
        line = {"library": library, "job": job, **figures, **self._always}
        if library != "ratio":
            line["version"] = version(library)
        print(json.dumps(line), flush=True)

    def ratio(self, job: str, theirs: float, ours: float, **about: Any) -> None:
        """Keeps a ratio for the end: above 1, ours is cheaper."""
        self._ratios.append({"job": job, "value": round(theirs / ours, 3), **about})

    def expect(self, job: str, said: str, kept: bool) -> None:
        """Notes a bound that is broken."""
        if not kept:
            self.broken.append(f"{job}: {said}")

    def end(self, check: bool = False) -> int:
        """The ratios, one line each, after everything else, and broken bounds on the error stream.

        Returns:
            The exit code: 1 where a bound is broken and bounds are checked.
        """
        for one in self._ratios:
            self.tell("ratio", **one)
        for bound in self.broken:
            print(f"broken: {bound}", file=sys.stderr)
        return int(check and bool(self.broken))
