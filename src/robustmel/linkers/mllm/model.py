"""A multimodal language model of the transformers library: from images and questions to what it keeps of them, differentiable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self

import torch
from PIL import Image
from torch import Tensor

from robustmel.linkers.architecture import Architecture
from robustmel.linkers.gemel.language_model import LanguageModel, Prefix
from robustmel.linkers.gemel.prompt_tokens import VISUAL, embedded, left_padded
from robustmel.linkers.loading import load
from robustmel.linkers.preprocessing import Picture, Preprocessing

Vectors = Sequence[Tensor]
"""For each of B images what it becomes before the language model reads it: (n, width), or (rows, columns, width) where the language
model is told of places; their number may differ."""


class VisionLanguageModel:
    """What the families share; a family says how an image becomes vectors, and what its library's own path gives.

    Args:
        network: Of the library, with `forward(inputs_embeds, attention_mask, position_ids, past_key_values, logits_to_keep)`.
        tokenizer: Of the library.
        image_processor: Of the library, the Pillow one.
        template: How a question is put, as Jinja, where the folder states none; None takes the family's.

    Attributes:
        lm: The language model.
        preprocessing: From raw pixels to what the vision tower reads.
    """

    library_class: ClassVar[str]
    """Name of the class in the transformers library."""
    model_types: ClassVar[tuple[str, ...]]
    """What config.json may state as `model_type`."""
    image_token: ClassVar[str]
    """What stands for an image in a prompt."""
    special_tokens: ClassVar[tuple[str, ...]]
    """What the tokenizer of a model made anew must know beside its own."""
    starts: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Of a dual encoder with the same vision tower, the prefixes of its weights -> theirs in a model made anew."""
    stop: str = ""
    """Where a reply ends, beside the end token."""
    template: ClassVar[str]
    """The family's conversation, where a folder states no `chat_template`."""

    def __init__(self, network: Any, tokenizer: Any, image_processor: Any) -> None:
        self.network, self.tokenizer, self.image_processor = network, tokenizer, image_processor
        self.lm = LanguageModel(network, tokenizer)
        self.preprocessing = self.preprocessed_by(image_processor)
        self.image_id: int = tokenizer.convert_tokens_to_ids(self.image_token)
        self._special = sorted(
            {self.image_token, *tokenizer.all_special_tokens, *map(str, tokenizer.added_tokens_decoder.values())}, key=len
        )
        self.answer = lru_cache(maxsize=65_536)(self._answer)

    @classmethod
    def load(cls, model: str, revision: str | None, dtype: str, device: torch.device) -> Self:
        """The model in a folder, hub id or `world:NAME`; see `loading.load`.

        Raises:
            UsageError: It is of another family.
            MissingError: Something is absent, incomplete or unreadable.
        """
        loaded = load(model, revision, cls.library_class, cls.model_types, dtype=dtype)
        return cls(loaded.model.to(device), loaded.tokenizer, loaded.image_processor)

    @classmethod
    def fresh(cls, shape: Architecture, tokenizer: Any) -> Self:
        """A small model with random weights from torch's global generator; the tokenizer knows `special_tokens` already."""
        raise NotImplementedError

    # What a family says -----------------------------------------------------------------------------------------------

    @staticmethod
    def preprocessed_by(image_processor: Any) -> Preprocessing:
        """The differentiable reading of an image processor."""
        return Preprocessing(image_processor)

    def vectors(self, values: Tensor) -> Vectors:
        """What images become, from the processor's output (B, 3, h, w); differentiable."""
        raise NotImplementedError

    def positions(self, ids: Tensor, mask: Tensor, features: Vectors | None) -> Tensor | None:
        """Positions of tokens that are not simply counted: (3, B, T); see `LanguageModel.prefill`."""
        return None

    def processor(self) -> Any:
        """The library's own processor of images and texts, for the reference path."""
        raise NotImplementedError

    # What all share ---------------------------------------------------------------------------------------------------

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return self.lm.device

    def pixel_vectors(self, pixels: Tensor) -> Vectors:
        """Of pixels (B, 3, H, W) in [0, 1] at the images' own size; differentiable."""
        return self.vectors(self.preprocessing(pixels))

    @torch.no_grad()
    def picture_vectors(self, pictures: Sequence[Picture]) -> Vectors:
        """Of 8-bit pictures of any sizes."""
        return [vectors for picture in pictures for vectors in self.vectors(self.preprocessing.pictures([picture]))]

    def conversation(self, question: str, images: int) -> str:
        """The whole prompt, an image token for each image; tokens with a meaning lose it where they stand in the question."""
        for token in self._special:
            question = question.replace(token, f"{token[0]} {token[1:]}")
        content = [{"type": "image"}] * images + [{"type": "text", "text": question}]
        text: str = self.tokenizer.apply_chat_template(
            [{"role": "user", "content": content}],
            chat_template=self.tokenizer.chat_template or self.template,
            add_generation_prompt=True,
            tokenize=False,
        )
        return text

    def prompt(self, question: str, vectors: int) -> list[int]:
        """Token ids of a question, `VISUAL` for every vector of its image; 0 of them asks without an image."""
        text, start = self.conversation(question, min(vectors, 1)), self.tokenizer.bos_token
        begun = start is not None and text.startswith(start)
        ids: list[int] = self.tokenizer(text, add_special_tokens=not begun, verbose=False)["input_ids"]
        return [token for own in ids for token in ([VISUAL] * vectors if own == self.image_id else [own])]

    def _answer(self, text: str) -> tuple[int, ...]:
        """Tokens of an answer; () for one that cannot be written, as the tokenizer has no tokens of its own for it."""
        ids = tuple(
            self.tokenizer(text.encode("utf-8", "replace").decode(), add_special_tokens=False, verbose=False)["input_ids"]
        )
        return ids if {self.tokenizer.unk_token_id, self.lm.end, self.image_id}.isdisjoint(ids) else ()

    def read(self, prompts: Sequence[Sequence[int]], features: Vectors | None) -> Prefix:
        """Prompts, read once, whatever is asked after them; differentiable in the vectors."""
        ids, mask = left_padded(prompts)
        return self.lm.prefill(self.embedded(ids, features), mask, positions=self.positions(ids, mask, features))

    def embedded(self, ids: Tensor, features: Vectors | None) -> Tensor:
        """The embeddings of prompts with the vectors of their images in their places: (B, T, width)."""
        flat = [vectors.reshape(-1, self.lm.width) for vectors in features or ()]
        return embedded(self.lm.embed, ids, torch.cat(flat) if flat else torch.zeros(0, self.lm.width, device=self.device))

    # The library's own path, one mention at a time --------------------------------------------------------------------

    def inputs(self, question: str, picture: Picture | None) -> dict[str, Tensor]:
        """What the library's own processor makes of a question and its image, as PIL reads it."""
        pictures = {} if picture is None else {"images": [Image.fromarray(picture)]}
        text = self.conversation(question, 0 if picture is None else 1)
        begun = self.tokenizer.bos_token is not None and text.startswith(self.tokenizer.bos_token)
        made = self.processor()(text=[text], **pictures, add_special_tokens=not begun, return_tensors="pt")
        return {name: value.to(self.device) for name, value in made.items()}

    @torch.no_grad()
    def reference_score(self, inputs: dict[str, Tensor], answer: Sequence[int]) -> float:
        """Sum of the log-probabilities of an answer and the end token, by one plain pass of the library's model, nothing cached."""
        tokens = torch.tensor([[*answer, self.lm.end]], device=self.device)
        along = {
            name: torch.cat((value, filler(tokens).to(value.dtype)), 1)
            for name, filler in _ALONG.items()
            if (value := inputs.get(name)) is not None
        }
        logits = self.plain(inputs | along).float()[0, -len(tokens[0]) - 1 : -1]
        return float(logits.log_softmax(-1).gather(1, tokens[0][:, None]).sum())

    def plain(self, inputs: dict[str, Tensor]) -> Tensor:
        """Logits (1, T, V) of the library's own forward pass."""
        logits: Tensor = self.network(**inputs, use_cache=False).logits
        return logits

    @torch.no_grad()
    def reference_text(self, inputs: dict[str, Tensor], most: int) -> str:
        """What the library's own `generate` writes, greedily."""
        written = self.network.generate(
            **inputs, do_sample=False, num_beams=1, max_new_tokens=most, pad_token_id=self.lm.end, eos_token_id=self.lm.end
        )
        return str(self.tokenizer.decode(written[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))

    # Folders ----------------------------------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Tokenizer and image processor as the library's own processor reads them."""
        self.processor().save_pretrained(folder)


_ALONG: Mapping[str, Callable[[Tensor], Tensor]] = MappingProxyType(
    {"input_ids": torch.clone, "attention_mask": torch.ones_like, "mm_token_type_ids": torch.zeros_like}
)
"""What a prompt's inputs get for the tokens of an answer."""
