"""The ground of the linkers that stand before another one."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch

from robustmel.types import Query, Task


class DefendedLinker:
    """It has the tasks, knowledge base, temperature and device of the linker behind, and no `scores` or `logits` where that has none.

    Args:
        linker: The one behind.
    """

    version: ClassVar[int] = 1

    def __init__(self, linker: Any) -> None:
        self.linker, self.tasks, self.kb = linker, linker.tasks, linker.kb
        self.logit_scale: float = getattr(linker, "logit_scale", 1.0)
        self.device = getattr(linker, "device", torch.device("cpu"))
        for method in ("scores", "logits"):
            if getattr(linker, method, None) is None:
                setattr(self, method, None)

    def cut_texts(self, queries: Sequence[Query], task: Task) -> int:
        """As the linker behind says."""
        return int(self.linker.cut_texts(queries, task)) if hasattr(self.linker, "cut_texts") else 0
