"""Text alone decides where image and text do not agree."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from robustmel.defences.chosen_answer import Choice, ChosenAnswer, Voice
from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.linkers.contract import Capabilities
from robustmel.types import Prediction, Task


class ModalityGate:
    """Lets the image take part in IT2T only where it agrees with the text (after I2CR; Liu et al., 2025).

    They agree where the text's best candidate is among the image's `nearest` best. With `nearest = 1` the answer is always the text's:
    where both are of one mind, their sum is too. I2T and T2T stay as they are.

    Args:
        kb: Not used.
        nearest: Candidates of the image among which the text's best must be.

    Raises:
        UsageError: A value is out of its range.

    Source:
        Liu et al., "I2CR: Intra- and Inter-modal Collaborative Reflections for Multimodal Entity Linking", 2025, which turns to the
        image where the text alone does not convince; the rank is this project's.
    """

    version: ClassVar[int] = 1
    random: ClassVar[bool] = False
    uses: ClassVar[tuple[str, ...]] = ()

    def __init__(self, kb: KnowledgeBase, /, nearest: int = 3) -> None:
        if nearest < 1:
            raise UsageError(f"defence modality-gate: nearest = {nearest}; expected at least 1.")
        self._nearest = nearest

    @classmethod
    def capabilities(cls, linker: Capabilities, /, **parameters: Any) -> Capabilities:
        """All of the linker's, but no IT2T without the two tasks that are compared."""
        able = {"I2T", "T2T"} <= set(linker.tasks)
        return replace(linker, tasks=tuple(task for task in linker.tasks if able or task != "IT2T"))

    def defend(self, linker: Any, /, **resources: Any) -> Any:
        """The linker behind the gate."""
        asked: tuple[Task, ...] = ("IT2T", "T2T", "I2T")
        voices = [Voice(linker, task) for task in asked]
        return ChosenAnswer(linker, lambda task: voices if task == "IT2T" else [Voice(linker, task)], self._choose)

    def _choose(self, task: Task, answers: Sequence[Prediction]) -> Choice:
        if task != "IT2T":
            return Choice(0)
        fused, text, image = answers
        if text.error or not text.ranked:
            return Choice(0)
        if fused.error or image.error or text.ranked[0] not in image.ranked[: self._nearest]:
            return Choice(1, "fallback:modalities_disagree")
        return Choice(0)
