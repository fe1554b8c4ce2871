"""Words for what an image shows, and who finds them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

from robustmel.types import Query, Usage


@dataclass(frozen=True, slots=True)
class Descriptors:
    """What was said of one image.

    Args:
        words: Most fitting first.
        status: "ok", or why there are none: "unparsable", "refused", "truncated", the kind of an error ("timeout", "image_decode").
        written: Text that the image itself holds, as far as it was told apart; quoted, and not used.
        raw: The whole reply of a model that writes.
        usage: What it cost.
    """

    words: tuple[str, ...] = ()
    status: str = "ok"
    written: tuple[str, ...] = ()
    raw: str = ""
    usage: Usage = field(default_factory=Usage)


class Tagger(Protocol):
    """Describes images, always those that are linked: attacked ones if they are attacked."""

    def of_images(self, queries: Sequence[Query]) -> list[Descriptors]:
        """Of the images that the queries name; one that cannot be used has no words, and its fault as status."""
        ...

    def of_pixels(self, pixels: Tensor, queries: Sequence[Query]) -> list[Descriptors]:
        """Of images (B, 3, H, W) in [0, 1], which stand in for those of the queries."""
        ...
