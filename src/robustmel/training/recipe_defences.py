"""Defences of a training against edited texts, as parts of its recipe. No torch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from robustmel.attacks import ATTACKS
from robustmel.defences.detectors import DETECTORS
from robustmel.defences.detectors.contract import file_assets
from robustmel.errors import UsageError
from robustmel.registry import Registry


@dataclass(frozen=True)
class RecordFilter:
    """Training records that look poisoned are left out, or mended; off unless `share` is above 0.

    Args:
        detector: What scores the records: a name, or `path.py:Class`.
        share: Share of each data set's training records that is left out, the most suspicious ones: floor(share * n) of n.
        parameters: Of the detector.
        words: Above 0 these records stay, without up to so many words that the detector suspects; see `detectors.repair.repaired`.
        flagged: Records with a lower score stay as they are. `robustmel detect`, on records that one trusts, says the score that 5 % of
            them reach: with it and `share = 1` the filter works at that rate of false alarms.
    """

    detector: str = ""
    share: float = 0.0
    parameters: Mapping[str, Any] = field(default_factory=dict)
    words: int = 0
    flagged: float = -math.inf

    def __post_init__(self) -> None:
        """Checks the values."""
        _check_share("filter.share", self.share)
        if math.isnan(self.flagged):
            raise UsageError("recipe: filter.flagged is a score, not nan; leave it out to go by the share alone.")
        if self.share:
            _named("filter.detector", self.detector, DETECTORS)
            DETECTORS.create(self.detector, **self.parameters)
        if self.words < 0:
            raise UsageError(f"recipe: filter.words = {self.words}; it is 0 or more.")

    @property
    def assets(self) -> tuple[Path, ...]:
        """The files that decide what is left out."""
        return file_assets(DETECTORS, self.detector, self.parameters) if self.share else ()

    @property
    def version(self) -> int:
        """The detector's."""
        return int(DETECTORS.load(self.detector).version)


@dataclass(frozen=True)
class TextAugmentation:
    """Training texts edited by an attack, drawn anew in every epoch, their labels kept; off unless `share` is above 0.

    Args:
        attack: A text attack that asks nobody: a name, or `path.py:Class`.
        share: Chance of each training text to be edited in an epoch.
        parameters: Of the attack (`{edit_rate = 0.2}`).
    """

    attack: str = ""
    share: float = 0.0
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Checks the values."""
        _check_share("text_augmentation.share", self.share)
        if self.share:
            _named("text_augmentation.attack", self.attack, ATTACKS)
            attack = self.made
            if attack.modality != "text" or attack.needs != "nothing":
                raise UsageError(
                    f"recipe: text_augmentation.attack = {self.attack} is no text attack that asks nobody; name one, such as qwerty."
                )

    @property
    def made(self) -> Any:
        """The attack."""
        return ATTACKS.create(self.attack, **self.parameters)

    @property
    def assets(self) -> tuple[Path, ...]:
        """The files that decide the edits."""
        return file_assets(ATTACKS, self.attack, self.parameters) if self.share else ()

    @property
    def version(self) -> int:
        """The attack's."""
        return int(self.made.version)


def _check_share(key: str, share: float) -> None:
    if not 0 <= share <= 1:
        raise UsageError(f"recipe: {key} is a share between 0 and 1, not {share}; 0 switches it off.")


def _named(key: str, name: str, registry: Registry) -> None:
    if not name:
        raise UsageError(f'recipe: {key} is not given; name one, such as "{next(iter(sorted(registry.own)))}".')
