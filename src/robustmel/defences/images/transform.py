"""A linker that sees every image after a transform."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import torch
from torch import Tensor

from robustmel.attacks.image.eight_bit import as_pictures, as_pixels
from robustmel.defences.defended_linker import DefendedLinker
from robustmel.errors import ImageError
from robustmel.images import Pixels, decode, write_png
from robustmel.kb import KnowledgeBase
from robustmel.linkers.contract import Capabilities
from robustmel.types import Prediction, Query, Task


class ImageTransform(ABC):
    """How an image is changed. One that draws starts from a seed, so that the same seed gives the same picture."""

    @abstractmethod
    def picture(self, picture: Pixels, seed: int) -> Pixels:
        """uint8 (h, w, 3) of uint8 (H, W, 3), RGB; h and w depend on H and W alone."""

    def smooth(self, pixels: Tensor, seeds: Sequence[int]) -> Tensor:
        """A differentiable stand-in, (B, 3, h, w) of (B, 3, H, W), whose gradient is taken for that of `picture`; here the identity.

        Source:
            Athalye, Carlini & Wagner, "Obfuscated Gradients Give a False Sense of Security", ICML 2018, section 4.1 (BPDA).
        """
        return pixels


class TransformedImages(DefendedLinker):
    """Answers as the linker does that is shown the transformed images, as files of 8 bits; texts stay.

    The value of `logits` is that of the images it would be shown, its gradient passes through the stand-in (BPDA).

    Args:
        linker: The one that looks.
        transform: What becomes of each image.
    """

    def __init__(self, linker: Any, transform: ImageTransform) -> None:
        super().__init__(linker)
        self._transform = transform

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        """One prediction a query, in order; an image that cannot be read is the linker's own affair."""
        with self._shown(queries, task) as shown:
            answers: list[Prediction] = self.linker.link(shown, task)
        return answers

    def scores(self, queries: Sequence[Query], task: Task) -> Tensor:
        """float32 (B, C), as `link` ranks by them."""
        with self._shown(queries, task) as shown:
            scores: Tensor = self.linker.scores(shown, task)
        return scores

    def logits(self, pixels: Tensor, queries: Sequence[Query], task: Task = "I2T") -> Tensor:
        """float32 (B, C), differentiable down to the raw pixels; see the class."""
        seeds = [query.seed for query in queries]
        pictures = [
            self._transform.picture(picture, seed) for picture, seed in zip(as_pictures(pixels.detach()), seeds, strict=True)
        ]
        shown = as_pixels(pictures, pixels.device)
        if torch.is_grad_enabled() and pixels.requires_grad:
            smooth = self._transform.smooth(pixels, seeds)
            shown = shown + (smooth - smooth.detach())
        logits: Tensor = self.linker.logits(shown, queries, task)
        return logits

    @contextmanager
    def _shown(self, queries: Sequence[Query], task: Task) -> Iterator[Sequence[Query]]:
        if task == "T2T":
            yield queries
            return
        with TemporaryDirectory(prefix="robustmel-transformed-") as folder:
            yield [self._with_picture(query, Path(folder) / f"{number}.png") for number, query in enumerate(queries)]

    def _with_picture(self, query: Query, path: Path) -> Query:
        try:
            picture = None if query.image is None else decode(query.image)
        except ImageError:
            picture = None
        if picture is None:
            return query
        write_png(path, self._transform.picture(picture, query.seed))
        return replace(query, image=path)


class ImageDefence(ImageTransform):
    """Base of the defences that are one transform."""

    version: ClassVar[int] = 1
    random: ClassVar[bool] = False
    uses: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def __init__(self, kb: KnowledgeBase, /) -> None: ...

    @classmethod
    def capabilities(cls, linker: Capabilities, /, **parameters: Any) -> Capabilities:
        """All of the linker's, if it reads images at all; it draws where the transform does."""
        return replace(linker, random=linker.random or cls.random) if linker.images else Capabilities(tasks=())

    def defend(self, linker: Any, /, **resources: Any) -> Any:
        """The linker behind the transform."""
        return TransformedImages(linker, self)
