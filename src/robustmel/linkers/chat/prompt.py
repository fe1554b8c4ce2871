"""What a chat model is asked: prompts are files with a version."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from robustmel.errors import printable
from robustmel.types import Query

_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Prompt:
    """The question of each task.

    Args:
        version: Of the file.
        ask: Task -> its text, with `{candidates}`, and `{text}` and `{mention}` where the sentence is read.
    """

    version: int
    ask: Mapping[str, str]

    def question(self, query: Query, task: str, labels: Sequence[str]) -> str:
        """The question about one mention; a label or sentence stays on its line, so that none passes for another part of it."""
        candidates = "\n".join(f"{index}. {one_line(label)}" for index, label in enumerate(labels, 1))
        return self.ask[task].format(candidates=candidates, text=one_line(query.text), mention=one_line(query.surface)).strip()


def one_line(text: str) -> str:
    """A text of the data on one line, without control characters."""
    return printable(_SPACE.sub(" ", text).strip(), None)
