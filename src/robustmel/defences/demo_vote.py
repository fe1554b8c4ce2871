"""A vote over prompts with different demonstrations."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

from robustmel.defences.chosen_answer import Choice, ChosenAnswer, Voice
from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.linkers.contract import Capabilities
from robustmel.types import Prediction, Task


class DemoVote:
    """Asks a generative linker once for each of several sets of demonstrations, and keeps what they agree on (after Xiang et al., 2024).

    The sets share the nearest demonstrations evenly: the nearest one goes to the first set, the second nearest to the second, and so
    on, so that one poisoned demonstration reaches one prompt. Where at least `agreement` of the sets have the same best entity, the
    surest of these answers; elsewhere the prompt without demonstrations does.

    Args:
        kb: Not used.
        sets: Prompts with demonstrations; each costs as much as the linker alone.
        agreement: Share of them that must agree, above one half.

    Raises:
        UsageError: A value is out of its range.

    Source:
        Isolate, then aggregate: Xiang et al., "Certifiably Robust RAG against Retrieval Corruption", 2024.
    """

    version: ClassVar[int] = 1
    random: ClassVar[bool] = False
    uses: ClassVar[tuple[str, ...]] = ()

    def __init__(self, kb: KnowledgeBase, /, sets: int = 3, agreement: float = 0.6) -> None:
        if sets < 2 or not 0.5 < agreement <= 1:
            raise UsageError(
                f"defence demo-vote: sets = {sets}, agreement = {agreement}; expected at least 2 sets and a share above 0.5, at most 1."
            )
        self._sets, self._agreement = sets, agreement

    @classmethod
    def capabilities(cls, linker: Capabilities, /, **parameters: Any) -> Capabilities:
        """All of the linker's, where it is shown demonstrations; nothing of any other's."""
        return linker if linker.demos else Capabilities(tasks=())

    def defend(self, linker: Any, /, **resources: Any) -> Any:
        """The linker behind the vote."""
        prompts = [*(linker.showing(part, self._sets) for part in range(self._sets)), linker.showing(0, 0)]
        return ChosenAnswer(linker, lambda task: [Voice(prompt, task) for prompt in prompts], self._choose)

    def _choose(self, task: Task, answers: Sequence[Prediction]) -> Choice:
        best = [answer.ranked[0] if answer.ranked else None for answer in answers[:-1]]
        entity, votes = Counter(best).most_common(1)[0]
        if entity is None or votes < self._agreement * len(best):
            return Choice(len(best), "fallback:demos_disagree")
        agreeing = [place for place, other in enumerate(best) if other == entity]
        return Choice(max(agreeing, key=lambda place: answers[place].scores[0]))
