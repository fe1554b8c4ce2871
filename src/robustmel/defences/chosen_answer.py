"""Linkers that ask several others, or one in several ways, and answer as one of them did."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from robustmel.defences.defended_linker import DefendedLinker
from robustmel.linkers.ranking import ranking
from robustmel.types import Prediction, Query, Task, Usage


class Voice(NamedTuple):
    """A linker, and the task in which it is asked."""

    linker: Any
    task: Task


class Choice(NamedTuple):
    """Which of the voices answers, and the status of the answer ("" leaves its own)."""

    voice: int
    status: str = ""


class ChosenAnswer(DefendedLinker):
    """A linker that answers each query as one of several voices does.

    `link`, `scores` and `logits` choose by the same rule from the voices' rankings. The forward value of `logits` is the chosen row;
    its gradient is that of the mean of the voices that read the image, so that an attack is never left without a direction because
    another voice speaks: the choice is passed straight through (BPDA).

    Args:
        linker: The one behind.
        voices: Task -> whom to ask, at least one.
        choose: The voices' predictions of one query, in order -> the choice.

    Source:
        Athalye, Carlini & Wagner, "Obfuscated Gradients Give a False Sense of Security", ICML 2018, section 4.1 (BPDA).
    """

    def __init__(
        self, linker: Any, voices: Callable[[Task], Sequence[Voice]], choose: Callable[[Task, Sequence[Prediction]], Choice]
    ) -> None:
        super().__init__(linker)
        self._voices, self._choose = voices, choose

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        """One prediction a query, in order; its time and usage are those of all voices together."""
        return [
            self._answer(task, answers)
            for answers in zip(*(voice.linker.link(queries, voice.task) for voice in self._voices(task)), strict=True)
        ]

    @torch.no_grad()
    def scores(self, queries: Sequence[Query], task: Task) -> Tensor:
        """float32 (B, C): for each query the scores of the voice that answers."""
        tables = [voice.linker.scores(queries, voice.task) for voice in self._voices(task)]
        return self._rows(tables, queries, task)

    def logits(self, pixels: Tensor, queries: Sequence[Query], task: Task = "I2T") -> Tensor:
        """float32 (B, C), differentiable down to the raw pixels; see the class."""
        tables, reading = list[Tensor](), list[Tensor]()
        for linker, voice_task in self._voices(task):
            blind = voice_task == "T2T"
            tables.append(linker.scores(queries, voice_task) if blind else linker.logits(pixels, queries, voice_task))
            reading += [] if blind else tables[-1:]
        chosen, mean = self._rows([table.detach() for table in tables], queries, task), torch.stack(reading).mean(0)
        return torch.where(chosen.isfinite(), mean + (chosen - mean.detach()), chosen)

    def _answer(self, task: Task, answers: Sequence[Prediction]) -> Prediction:
        choice = self._choose(task, answers)
        used = sum((answer.usage for answer in answers), Usage())
        chosen = answers[choice.voice]
        status = chosen.status if chosen.error or not choice.status else choice.status
        return replace(chosen, seconds=sum(answer.seconds for answer in answers), usage=used, status=status)

    def _rows(self, tables: Sequence[Tensor], queries: Sequence[Query], task: Task) -> Tensor:
        voices = [
            self._choose(task, [ranking(query, table[row].cpu(), self.kb) for table in tables]).voice
            for row, query in enumerate(queries)
        ]
        places = torch.arange(len(queries), device=tables[0].device)
        return torch.stack(list(tables))[torch.tensor(voices, device=places.device, dtype=torch.long), places]
