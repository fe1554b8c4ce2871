"""The prompt: what a language model reads of a mention. Prompts are files with a version."""

from dataclasses import dataclass


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
