"""The prompt: what a language model reads of a mention. Prompts are files with a version."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from robustmel.errors import UsageError


@dataclass(frozen=True)
class Prompt:
    """Texts around the visual vectors and the names.

    Args:
        version: Of the file.
        question: With `{text}` and `{mention}`; the name follows it.
        separator: What follows the name in a demonstration.
    """

    version: int
    question: str
    separator: str

    def ask(self, text: str, mention: str) -> str:
        """The question about one mention."""
        return self.question.format(text=text, mention=mention)


@lru_cache
def read_prompt(version: int) -> Prompt:
    """The packaged prompt of that version.

    Raises:
        UsageError: There is none.
    """
    file = files("robustmel.linkers.gemel") / f"prompt-{version}.toml"
    if not file.is_file():
        raise UsageError(f"prompt = {version} is unknown; GEMEL has prompt 1.")
    return Prompt(**tomllib.loads(file.read_text("utf-8")))
