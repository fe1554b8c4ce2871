"""How far an image of a set is from its clean one, and whether that keeps a budget."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from robustmel.attacks.quantities import as_budget, number, pixel_length
from robustmel.audit.audited_image import AuditedImage, Levels
from robustmel.errors import UsageError
from robustmel.images import Pixels

TOLERANCE = 1e-3
"""Share by which a norm may pass its budget: sums of 32 bits."""
_BUDGET = re.compile(r"(?:(linf|l2)=)?([\d./]+)( rms)?")

Verdict = Literal["kept", "rounding", "over"]


@dataclass(frozen=True)
class Budget:
    """What a set claims: no image is further from its clean one than this.

    Args:
        norm: "linf", "l2", or "rms": the root mean square over all values.
        length: In units of the pixel range [0, 1].
    """

    norm: str
    length: float

    @classmethod
    def parse(cls, text: str, norm: str = "") -> "Budget":
        """From "8/255", "l2=3" or "8/255 rms", as published sets state it; `norm` is meant where the text names none.

        Raises:
            UsageError: It is none of these.
        """
        match = _BUDGET.fullmatch(text.strip())
        if match is None:
            raise UsageError(f'budget "{text}" is not one; write "8/255", or "l2=3" for a length.')
        named = match[1] or ("rms" if match[3] else norm or "linf")
        return cls(named, (number if named == "l2" else pixel_length)("budget", match[2]))

    def __str__(self) -> str:
        shown = f"{self.length:g}" if self.norm == "l2" else as_budget(self.length)
        return {"linf": f"Linf {shown}", "l2": f"L2 {shown}", "rms": f"{shown} root mean square"}[self.norm]

    def verdict(self, change: "Change") -> Verdict:
        """Whether a change keeps it, passes it by no more than rounding to 8 bits can, or is over it."""
        values = change.width * change.height * 3
        spent = {"linf": change.linf, "l2": change.l2, "rms": change.l2 / values**0.5}[self.norm]
        if spent <= self.length * (1 + TOLERANCE) + 1e-9:
            return "kept"
        slack = 1 / 255 if self.norm != "l2" else values**0.5 / 255
        return "rounding" if spent <= (self.length + slack) * (1 + TOLERANCE) else "over"


@dataclass(frozen=True)
class Change:
    """From a clean image to the one in a set.

    Args:
        linf: The largest change of a value, in units of the pixel range [0, 1].
        l2: Euclidean length of the change, in the same units.
        width: Of the image in the set, in pixels.
        height: Likewise.
        clean_size: Width and height of the clean one. Where they differ the norms are those to the clean image scaled to this size,
            as well as can be guessed: an upper bound of what the attack did.
    """

    linf: float
    l2: float
    width: int
    height: int
    clean_size: tuple[int, int]

    @property
    def resized(self) -> bool:
        """Whether the resolution changed."""
        return (self.width, self.height) != self.clean_size

    @property
    def nothing(self) -> bool:
        """Whether the pixels are the clean ones."""
        return not self.resized and self.linf < TOLERANCE / 255


def measure(image: AuditedImage, clean: AuditedImage) -> Change:
    """The change of an image."""
    height, width = image.levels.shape[:2]
    size = (clean.levels.shape[1], clean.levels.shape[0])
    before = [clean.levels] if size == (width, height) else _scaled(eight_bits(clean), width, height)
    change = min((image.levels - one for one in before), key=lambda difference: float((difference**2).sum()))
    linf = float(np.abs(change).max(initial=0)) / 255
    return Change(linf, float(np.sqrt((change**2).sum())) / 255, width, height, size)


def eight_bits(image: AuditedImage) -> Pixels:
    """The image as a PNG keeps it."""
    return np.clip(np.rint(image.levels), 0, 255).astype(np.uint8)


def _scaled(clean: Pixels, width: int, height: int) -> Iterator[Levels]:
    """The clean image at another size: all of it, and its middle as model processors crop it, by the usual filters."""
    whole = Image.fromarray(clean)
    share = min(whole.width / width, whole.height / height)
    left, top = (whole.width - share * width) / 2, (whole.height - share * height) / 2
    boxes = {(0.0, 0.0, float(whole.width), float(whole.height)), (left, top, left + share * width, top + share * height)}
    for box in sorted(boxes):
        for kind in (Image.Resampling.BICUBIC, Image.Resampling.BILINEAR, Image.Resampling.LANCZOS):
            yield np.asarray(whole.resize((width, height), kind, box=box), dtype=np.float64)
