"""The library's own way to an MLLM's answers: its processor, one mention and one candidate at a time, no cache, its `generate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from robustmel.types import Prediction, Query, Task


def reference(linker: Any, queries: Sequence[Query], task: Task) -> list[Prediction]:
    """The answers of an `MLLM` to sound queries, in order."""
    answers: list[Prediction] = []
    for query in queries:
        inputs = linker.model.inputs(linker.question(query, task), linker.picture(query, task))
        if linker.answer == "index":
            answers.append(linker.parsed(query, linker.model.reference_text(inputs, linker.max_new_tokens)))
            continue
        names = [linker.model.answer(linker.kb[entity].name) for entity in query.listed]
        sums = {name: linker.model.reference_score(inputs, name) for name in names if 0 < len(name) < linker.max_new_tokens}
        scores = [sums[name] / (len(name) + 1) ** linker.length_penalty if name in sums else -torch.inf for name in names]
        answers.append(linker.ranked(query, torch.tensor(scores)))
    return answers
