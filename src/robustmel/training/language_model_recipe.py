"""What decides the training of a small language model, made anew. No torch."""

from dataclasses import dataclass
from typing import ClassVar

from robustmel.training.recipe import Recipe


@dataclass(frozen=True)
class TransformerRecipe(Recipe):
    """The shape of a language model that is made anew; see `Recipe` for the rest.

    Args:
        width: Of the embeddings and all layers.
        depth: Number of layers.
        heads: Attention heads.
        vocabulary: Size of the byte-level BPE vocabulary, learnt from the training texts; 260 is the least.
        context: Tokens that the model can read at once.
    """

    batch_size: int = 64
    width: int = 128
    depth: int = 4
    heads: int = 4
    vocabulary: int = 2000
    context: int = 1024

    def limits(self) -> dict[str, tuple[str, bool]]:
        """See `Recipe.limits`."""
        return super().limits() | {
            "base": ("left out: a language model is made anew", self.base is None),
            "width": (
                "a multiple of heads, both at least 1",
                self.heads >= 1 and self.width >= 1 and not self.width % self.heads,
            ),
            "depth": ("at least 1", self.depth >= 1),
            "context": ("at least 64", self.context >= 64),
        }


@dataclass(frozen=True)
class LanguageModelRecipe(TransformerRecipe):
    """What decides the training of a language model that answers in GEMEL's prompt; see `TransformerRecipe` for the rest.

    Args:
        family: "opt": the architecture of OPT; the model is always made anew.
        prompt: Version of GEMEL's prompt, in which the documents are written.
        demos: At most this many questions with their answers stand before the last one of a document.
        similar: Share of the mentions that are read beside others of a similar surface; the rest stand beside random ones.
        hint_tokens: At most this many tokens of what is known of the entity stand before a question, in half of the questions.
        answer_weight: Weight of an answer's tokens in the loss; that of every other token is 1.
    """

    family: str = "opt"
    prompt: int = 1
    demos: int = 16
    similar: float = 0.5
    hint_tokens: int = 4
    answer_weight: float = 4.0

    kind: ClassVar[str | None] = "language-model"

    def limits(self) -> dict[str, tuple[str, bool]]:
        """See `Recipe.limits`."""
        return super().limits() | {
            "family": ("opt", self.family == "opt"),
            "demos": ("at least 0", self.demos >= 0),
            "similar": ("between 0 and 1", 0 <= self.similar <= 1),
            "hint_tokens": ("at least 0", self.hint_tokens >= 0),
            "answer_weight": ("above 0", self.answer_weight > 0),
        }


@dataclass(frozen=True)
class MaskedLanguageModelRecipe(TransformerRecipe):
    """What decides the training of a masked language model that embeds sentences, too; see `TransformerRecipe` for the rest.

    Args:
        family: "roberta": the architecture of RoBERTa; the model is always made anew.
        masked: Share of a sentence's tokens that are masked, and to be told.
        contrast: Weight of the second loss, by which the mean of a sentence's outputs is nearest to that of the same sentence with
            other tokens masked, among the sentences of a batch (Gao et al., "SimCSE", EMNLP 2021, where dropout differs instead).
        temperature: Of that loss.
    """

    family: str = "roberta"
    context: int = 128
    masked: float = 0.15
    contrast: float = 0.1
    temperature: float = 0.05

    kind: ClassVar[str | None] = "masked-language-model"

    def limits(self) -> dict[str, tuple[str, bool]]:
        """See `Recipe.limits`."""
        return super().limits() | {
            "family": ("roberta", self.family == "roberta"),
            "masked": ("above 0 and below 1", 0 < self.masked < 1),
            "contrast": ("at least 0", self.contrast >= 0),
            "temperature": ("above 0", self.temperature > 0),
        }
