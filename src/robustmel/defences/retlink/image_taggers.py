"""Words for what an image shows, by a multimodal language model: one here, or one behind an endpoint."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from robustmel.at_once import at_once
from robustmel.defences.retlink.descriptor_reply import descriptors_of
from robustmel.defences.retlink.descriptors import Descriptors
from robustmel.errors import ImageError
from robustmel.images import decode
from robustmel.linkers.chat.chat_model import ChatModel, picture_part
from robustmel.linkers.chat.service import ChatError, Reply
from robustmel.linkers.mllm.descriptors import describe
from robustmel.linkers.mllm.linker import MLLM
from robustmel.linkers.preprocessing import Picture
from robustmel.types import Query, Usage

HELD = 65_536
"""Images whose descriptors are remembered."""


class _PictureTagger:
    """Base of those that look at pixels of 8 bits: each distinct picture is looked at once."""

    def __init__(self, max_side: int | None) -> None:
        self._max_side = max_side
        self._remembered = dict[tuple[str, int], Descriptors]()

    def of_images(self, queries: Sequence[Query]) -> list[Descriptors]:
        """Of the images that the queries name; one that cannot be used has no words, and its fault as status."""
        return self._of(list(map(self._picture, queries)), queries)

    def of_pixels(self, pixels: Tensor, queries: Sequence[Query]) -> list[Descriptors]:
        """Of images (B, 3, H, W) in [0, 1], as they are once they are written to a file."""
        levels = pixels.detach().mul(255).round().clamp(0, 255).permute(0, 2, 3, 1).numpy(force=True).astype(np.uint8)
        return self._of(list(levels), queries)

    def _picture(self, query: Query) -> Picture | str:
        try:
            return decode(query.image_file, self._max_side)
        except ImageError as problem:
            return problem.kind

    def _of(self, pictures: Sequence[Picture | str], queries: Sequence[Query]) -> list[Descriptors]:
        keys = [
            None if isinstance(part, str) else (_digest(part), self._seed(query))
            for part, query in zip(pictures, queries, strict=True)
        ]
        new = {key: part for key, part in zip(keys, pictures, strict=True) if key is not None and not isinstance(part, str)}
        if len(self._remembered) + len(new) > HELD:
            self._remembered.clear()
        new = {key: part for key, part in new.items() if key not in self._remembered}
        answers = dict(zip(new, self._look(list(new.values()), [seed for _, seed in new]), strict=True))
        self._remembered |= {key: answer for key, answer in answers.items() if answer.raw}  # failures are asked again
        seen = self._remembered | answers
        return [
            seen[key] if key is not None else Descriptors(status=str(part)) for key, part in zip(keys, pictures, strict=True)
        ]

    def _seed(self, query: Query) -> int:
        return 0

    def _look(self, pictures: Sequence[Picture], seeds: Sequence[int]) -> Iterable[Descriptors]:
        raise NotImplementedError


class LocalTagger(_PictureTagger):
    """Asks a multimodal language model that runs here for the main object, its colours and its shapes.

    Args:
        linker: The model, as a linker.
    """

    def __init__(self, linker: MLLM) -> None:
        super().__init__(None)
        self._linker = linker

    def _look(self, pictures: Sequence[Picture], seeds: Sequence[int]) -> Iterable[Descriptors]:
        texts = describe(self._linker, pictures) if pictures else []
        return [replace(descriptors_of(Reply(text, "ok", 0, 0)), usage=Usage(1)) for text in texts]


class EndpointTagger(_PictureTagger):
    """Asks a multimodal language model behind an endpoint; replies are kept in its file.

    Args:
        model: Whom it asks.
        question: The prompt.
        draws: Whether a seed is sent.
        in_flight: Images about which it is asked at the same time.
        max_side: Longer images are reduced to this many pixels.
    """

    def __init__(self, model: ChatModel, question: str, draws: bool, in_flight: int, max_side: int) -> None:
        super().__init__(max_side)
        self._model, self._question, self._draws, self._in_flight = model, question.strip(), draws, in_flight

    def _seed(self, query: Query) -> int:
        return query.seed % 2**31 if self._draws else 0

    def _look(self, pictures: Sequence[Picture], seeds: Sequence[int]) -> Iterable[Descriptors]:
        return list(at_once(self._ask, list(zip(pictures, seeds, strict=True)), self._in_flight))

    def _ask(self, about: tuple[Picture, int]) -> Descriptors:
        picture, seed = about
        content: list[dict[str, Any]] = [picture_part(picture), {"type": "text", "text": self._question}]
        try:
            reply = self._model.ask([{"role": "user", "content": content}], {"seed": seed} if self._draws else {})
        except ChatError as problem:
            return Descriptors(status=str(problem).partition(":")[0])
        return replace(descriptors_of(reply), usage=Usage(1, reply.tokens_read, reply.tokens_written))


def _digest(picture: Picture) -> str:
    return hashlib.blake2b(str(picture.shape).encode() + picture.tobytes(), digest_size=20).hexdigest()
