"""The selftest: its data, its linkers and their order."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from robustmel.errors import MissingError
from robustmel.registry import Component
from robustmel.run.listener import ProgressListener
from robustmel.selftest.attacks_check import check_attacks
from robustmel.selftest.fakes_check import FAKES, Fake, check_fakes
from robustmel.selftest.models_check import DATASET, check_models, embedded
from robustmel.selftest.planted import Planted, plant
from robustmel.selftest.tower_check import check_tower
from robustmel.selftest.verdict import Verdict
from robustmel.selftest.victim_report import runner

WORLD = Component(DATASET)


@dataclass(frozen=True)
class Extent:
    """How much is tested.

    Args:
        tower: Mentions of a planted data set.
        fakes: Mentions for every shipped attack, and behind each fake defence.
        models: Mentions of each embedded linker.
        defences: The fakes.
        linkers: Embedded linkers; None means all.
    """

    tower: int = 100
    fakes: int = 48
    models: int = 32
    defences: tuple[Fake, ...] = FAKES
    linkers: tuple[str, ...] | None = None


FULL = Extent()


def selftest(
    folder: Path,
    workers: int,
    listener: ProgressListener,
    data: Sequence[Component] = (),
    attack: Component | None = None,
    extent: Extent = FULL,
    pages: bool = False,
) -> list[Verdict]:
    """Runs linkers of known robustness through the pipeline, and compares.

    Args:
        folder: For the planted data, the runs and their store; it must be empty.
        workers: Processes.
        listener: Told of progress.
        data: Further data sets whose pictures linear towers are made of.
        attack: Tried on the towers in place of the shipped white boxes; then nothing else is asked.
        extent: How much is tested.
        pages: Whether each run gets its page.

    Raises:
        UsageError: A data set has too few pictures, or the attack takes no budget.
        MissingError: A data set cannot be read.
    """
    run = runner(folder / "runs", workers, listener, pages)
    verdicts = []
    for number, source in enumerate((WORLD, *data)):
        for planted in _planted(source, extent.tower, folder / f"planted-{number}"):
            verdicts += check_tower(planted, run, own=attack)
    if attack is not None:
        return verdicts
    lists, pairs = _planted(WORLD, extent.fakes, folder / "planted-fakes")
    verdicts += check_attacks(pairs, run)
    verdicts += check_fakes(lists, run, extent.defences)
    linkers = embedded() if extent.linkers is None else extent.linkers
    return verdicts + check_models(linkers, extent.models, run) if linkers else verdicts


def _planted(source: Component, limit: int, folder: Path) -> tuple[Planted, Planted]:
    """From the test split, or from all where there is none of that name."""
    folder.mkdir(parents=True)
    try:
        return plant(source, "test", limit, folder)
    except MissingError:
        return plant(source, "all", limit, folder)
