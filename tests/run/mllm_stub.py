"""What a multimodal language model would look like as a linker, without the model: one file, and nothing else is touched."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import ClassVar

from robustmel.errors import ImageError
from robustmel.images import decode
from robustmel.kb import KnowledgeBase
from robustmel.types import Prediction, Query, Task, Usage


class Stub:
    """Is shown an image and a numbered list of names, in an order drawn for the query, and writes a number.

    Args:
        kb: Names of the candidates.
        silent: Share of the answers that hold no number.
    """

    tasks: ClassVar = ("I2T", "IT2T")
    version: ClassVar = 1
    random: ClassVar = True

    def __init__(self, kb: KnowledgeBase, /, *, silent: float = 0.0) -> None:
        self.kb, self.silent = kb, silent

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        return [self.answer(query, task) for query in queries]

    def answer(self, query: Query, task: Task) -> Prediction:
        if query.image is None:
            return Prediction(query.id, error="no_image")
        try:
            levels = decode(query.image, max_side=512).mean(axis=(0, 1))
        except ImageError as problem:
            return Prediction(query.id, error=problem.kind)
        dice = random.Random(query.seed)
        listed = dice.sample(query.listed, len(query.listed))
        prompt = "\n".join(f"{number}. {self.kb[entity].name}" for number, entity in enumerate(listed, 1))
        prompt += f"\n{query.text}" if task == "IT2T" else ""
        said = self.generate(levels.tolist(), len(listed), dice.random() < self.silent)
        usage = Usage(1, len(prompt.split()), len(said.split()))
        number = re.search(r"\d+", said)
        if not number:
            return Prediction(query.id, text=said, status="unparsed", usage=usage)
        return Prediction(query.id, (listed[int(number[0]) - 1],), (1.0,), text=said, usage=usage)

    def generate(self, levels: list[float], choices: int, silent: bool) -> str:
        """Stands for the model."""
        if silent or not choices:
            return "I cannot tell."
        return f"The answer is {1 + int(sum(levels)) % choices}."
