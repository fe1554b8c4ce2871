"""M3EL, and DiffMEL in its format."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from robustmel.datasets.layouts.m3el import M3ELReleased
from robustmel.datasets.published import Published
from robustmel.errors import UsageError


@dataclass(frozen=True)
class M3EL(Published):
    """M3EL: link films, things, persons, books and sports by a sentence and a picture (Wang et al., M3EL).

    Takes the parameters of `Published`.

    Source:
        Wang et al., "MMEL/M3EL" (github.com/ww-1009/M3EL).
    """

    name: ClassVar[str] = "m3el"
    layouts: ClassVar = (M3ELReleased("M3EL"),)


@dataclass(frozen=True)
class DiffMEL(Published):
    """DiffMEL: compare linkers on mentions graded by difficulty (its authors' repository, in M3EL's format).

    Takes the parameters of `Published`, and:

    Args:
        topic: What a mention's topic is: the "category" of its picture, or the "difficulty".

    Raises:
        UsageError: `topic` is neither.
    """

    topic: Literal["category", "difficulty"] = "category"

    name: ClassVar[str] = "diffmel"
    layouts: ClassVar = (M3ELReleased("DiffMEL", difficulty=True),)

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        if self.topic not in ("category", "difficulty"):
            raise UsageError(f'diffmel: topic = "{self.topic}" is unknown; choose "category" or "difficulty".')

    @property
    def options(self) -> dict[str, Any]:
        """What becomes the topic."""
        return {"topic": self.topic}
