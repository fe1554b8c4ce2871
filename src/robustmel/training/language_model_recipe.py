"""What decides the training of a small causal language model, made anew. No torch."""

from dataclasses import dataclass
from typing import ClassVar

from robustmel.training.recipe import Recipe


@dataclass(frozen=True)
class LanguageModelRecipe(Recipe):
    """What decides the training of a language model that answers in GEMEL's prompt; see `Recipe` for the rest.

    Args:
        family: "opt": the architecture of OPT; the model is always made anew.
        prompt: Version of GEMEL's prompt, in which the documents are written.
        demos: At most this many questions with their answers stand before the last one of a document.
        similar: Share of the mentions that are read beside others of a similar surface; the rest stand beside random ones.
        hint_tokens: At most this many tokens of what is known of the entity stand before a question, in half of the questions.
        answer_weight: Weight of an answer's tokens in the loss; that of every other token is 1.
        width: Of the embeddings and all layers.
        depth: Number of layers.
        heads: Attention heads.
        vocabulary: Size of the byte-level BPE vocabulary, learnt from the training texts; 259 is the least.
        context: Tokens that the model can read at once.
    """

    family: str = "opt"
    batch_size: int = 64
    prompt: int = 1
    demos: int = 16
    similar: float = 0.5
    hint_tokens: int = 4
    answer_weight: float = 4.0
    width: int = 128
    depth: int = 4
    heads: int = 4
    vocabulary: int = 2000
    context: int = 1024

    kind: ClassVar[str | None] = "language-model"

    def limits(self) -> dict[str, tuple[str, bool]]:
        """See `Recipe.limits`."""
        return super().limits() | {
            "family": ("opt", self.family == "opt"),
            "base": ("left out: a language model is made anew", self.base is None),
            "demos": ("at least 0", self.demos >= 0),
            "similar": ("between 0 and 1", 0 <= self.similar <= 1),
            "hint_tokens": ("at least 0", self.hint_tokens >= 0),
            "answer_weight": ("above 0", self.answer_weight > 0),
            "width": (
                "a multiple of heads, both at least 1",
                self.heads >= 1 and self.width >= 1 and not self.width % self.heads,
            ),
            "depth": ("at least 1", self.depth >= 1),
            "context": ("at least 64", self.context >= 64),
        }
