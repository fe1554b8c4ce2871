"""Another defence is called only where the linker is unsure by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from robustmel.attacks.image.goal import lead
from robustmel.defences import DEFENCES
from robustmel.defences.defended_linker import DefendedLinker
from robustmel.defences.detectors.contract import file_assets
from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.linkers.contract import Capabilities
from robustmel.types import Prediction, Query, Task


class MarginGate:
    """Calls another defence only for mentions whose two best candidates are close in the linker's own scores, which saves its calls.

    Where the best candidate leads by `margin` or more, the linker answers as it is. Whoever makes a wrong candidate lead by as much
    goes around the defence: attack it by `gate-pgd`.

    Args:
        kb: As the other defence takes it.
        margin: In units of the linker's scores (of a dual encoder, cosines); 0 never calls the defence.
        defence: Which one.
        options: Its parameters.

    Raises:
        UsageError: A value is out of its range, or the defence will not do.

    Source:
        Cascades that spend more only on what is unsure, after Viola & Jones, "Rapid Object Detection using a Boosted Cascade of Simple
        Features", CVPR 2001; the gate of LLM-RetLink is this project's.
    """

    version: ClassVar[int] = 1
    random: ClassVar[bool] = False
    uses: ClassVar[tuple[str, ...]] = ()
    gives_labels: ClassVar[bool] = True

    def __init__(
        self, kb: KnowledgeBase, /, margin: float = 0.05, defence: str = "retlink", options: Mapping[str, Any] | None = None
    ) -> None:
        self._margin, self._inner = margin, DEFENCES.create(defence, kb, **_parameters(margin, defence, options))

    @classmethod
    def assets(cls, *, margin: float, defence: str, options: Mapping[str, Any] | None) -> tuple[Path, ...]:
        """The files of the other defence."""
        return file_assets(DEFENCES, defence, _parameters(margin, defence, options))

    @classmethod
    def inside(cls, *, margin: float, defence: str, options: Mapping[str, Any] | None) -> dict[str, float]:
        """The version of the other defence, and of what is inside that, for keys."""
        other = DEFENCES.load(defence)
        inner = other.inside(**_parameters(margin, defence, options)) if hasattr(other, "inside") else {}
        return {defence: other.version, **inner}

    @classmethod
    def capabilities(cls, linker: Capabilities, /, *, margin: float, defence: str, options: Any) -> Capabilities:
        """What both the linker, which must give scores, and the other defence can do."""
        behind: Capabilities = DEFENCES.load(defence).capabilities(linker, **_parameters(margin, defence, options))
        return behind if linker.scores and behind.scores else replace(behind, tasks=())

    @classmethod
    def calls(
        cls, images: int, candidates: int, entities: int, /, *, margin: float, defence: str, options: Mapping[str, Any] | None
    ) -> int:
        """How often the other defence asks its endpoint, at most: see `RetLink.calls`."""
        inner, parameters = DEFENCES.load(defence), _parameters(margin, defence, options)
        return int(inner.calls(images, candidates, entities, **parameters)) if hasattr(inner, "calls") else 0

    def defend(self, linker: Any, /, **resources: Any) -> Any:
        """The linker, with the other defence behind the gate."""
        return GatedLinker(linker, self._inner.defend(linker), self._margin)


class GatedLinker(DefendedLinker):
    """Answers, scores and gradients are the linker's own where it is sure of some candidate, else those of the defended one.

    Args:
        linker: As it is.
        defended: The same behind a defence.
        margin: From which on it is sure.
    """

    def __init__(self, linker: Any, defended: Any, margin: float) -> None:
        super().__init__(linker)
        self._defended, self._margin = defended, margin

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        """One prediction a query, in order; its time is that of both answers where both were needed."""
        own: list[Prediction] = list(self.linker.link(queries, task))
        unsure = [place for place, answer in enumerate(own) if not answer.error and not self._sure(answer)]
        asked = self._defended.link([queries[place] for place in unsure], task) if unsure else []
        for place, answer in zip(unsure, asked, strict=True):
            both = own[place].seconds + answer.seconds, own[place].usage + answer.usage
            own[place] = replace(answer, seconds=both[0], usage=both[1])
        return own

    @torch.no_grad()
    def scores(self, queries: Sequence[Query], task: Task) -> Tensor:
        """float32 (B, C), as `link` ranks by them."""
        return self._passed(
            self.linker.scores(queries, task), lambda unsure: self._defended.scores([queries[place] for place in unsure], task)
        )

    def logits(self, pixels: Tensor, queries: Sequence[Query], task: Task = "I2T") -> Tensor:
        """float32 (B, C), differentiable down to the raw pixels: who answers is decided for these pixels, and held constant."""
        return self._passed(
            self.linker.logits(pixels, queries, task),
            lambda unsure: self._defended.logits(pixels[unsure], [queries[place] for place in unsure], task),
        )

    def _sure(self, answer: Prediction) -> bool:
        return len(answer.scores) < 2 or answer.scores[0] - answer.scores[1] >= self._margin

    def _passed(self, own: Tensor, ask: Any) -> Tensor:
        ahead = lead(own.detach(), own.detach().argmax(1))
        unsure = (ahead < self._margin).nonzero()[:, 0].tolist()
        if not unsure:
            return own
        asked = ask(unsure)
        rows = functional.pad(asked, (0, own.shape[1] - asked.shape[1]), value=-torch.inf)
        places = torch.tensor(unsure, device=own.device)
        return own.index_copy(0, places, rows.to(own.dtype))


def _parameters(margin: float, defence: str, options: Mapping[str, Any] | None) -> dict[str, Any]:
    if margin < 0:
        raise UsageError(f"defence margin-gate: margin = {margin}; expected at least 0.")
    inner = DEFENCES.load(defence)
    if defence == "margin-gate" or inner.uses or getattr(inner, "by_training", False):
        raise UsageError(
            f'defence margin-gate: defence = "{defence}" cannot stand behind a gate; name another, such as "retlink".'
        )
    return DEFENCES.parameters(defence, options)
