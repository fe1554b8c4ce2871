"""Words drawn into the image (Goh et al., 2021)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from robustmel.attacks.contract import Noise, Objective
from robustmel.attacks.image.attacked_batch import AttackedBatch
from robustmel.attacks.image.eight_bit import as_pictures, as_pixels
from robustmel.attacks.image.options import QueryAttack
from robustmel.attacks.quantities import Check, at_least_one, proportion
from robustmel.errors import UsageError
from robustmel.images import Pixels
from robustmel.types import Perturbation

SMALLEST_FONT = 4
"""Pixels; below it no letter can be read."""


@dataclass(frozen=True)
class Typographic(QueryAttack):
    """Draws a wrong candidate's name, or a sentence about it, on a strip of the image (typographic attack; Goh et al., 2021).

    Wrong candidates are tried by falling clean score until one drawn name fools. On models that read text in images the same strip
    carries instructions (`text = "The answer is {name}."`). It changes few pixels as far as it likes: no ball bounds it.

    Args:
        text: What is drawn; {name} is the candidate's.
        height: Of the strip, a share of the image's.
        tries: Candidates at most.
        on_failure: See `QueryAttack`, as for the option after it.

    Source:
        Goh et al., "Multimodal Neurons in Artificial Neural Networks", Distill 2021, section "Typographic attacks".
    """

    text: str = "{name}"
    height: float = 0.2
    tries: int = 9

    needs: ClassVar[Literal["scores"]] = "scores"
    threat_model: ClassVar[str] = "drawn text"
    random: ClassVar[bool] = False
    version: ClassVar[int] = 1
    ranges: ClassVar[Mapping[str, Check]] = {"height": proportion, "tries": at_least_one, "text": lambda name, value: value}

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        try:
            self.text.format(name="")
        except (AttributeError, KeyError, IndexError, ValueError):
            raise UsageError(f"text = {self.text!r} may hold {{name}} and no other braces.") from None

    @property
    def budget(self) -> str:
        """How much of the image is covered."""
        return f"{self.height:g} of the height"

    def passes(self) -> int:
        """The clean scores, and a forward pass a name."""
        return 1 + self.tries + self.clean_passes

    def with_names(self, names: Sequence[Sequence[str]]) -> "NamedTypographic":
        """The attack on a batch whose candidates have these names, in the order of the scores' columns."""
        return NamedTypographic(self, names)

    def perturb(self, pixels: Tensor, objective: Objective, gold: Tensor, noise: Noise) -> Perturbation:
        """Perturbs a batch of which no names are known: candidates go by their number."""
        return NamedTypographic(self, ()).perturb(pixels, objective, gold, noise)


@dataclass(frozen=True)
class NamedTypographic:
    """The attack together with the names of a batch's candidates."""

    attack: Typographic
    names: Sequence[Sequence[str]]

    def perturb(self, pixels: Tensor, objective: Objective, gold: Tensor, noise: Noise) -> Perturbation:
        """See `ImageAttack`."""
        batch = AttackedBatch(self.attack, pixels, objective, gold, noise)
        for column in batch.wrong_candidates()[:, : self.attack.tries].T:
            rows = batch.begin(column >= 0)
            if len(rows):
                pictures = as_pictures(pixels[rows])
                drawn = as_pixels(
                    [self._drawn(picture, row, int(column[row])) for picture, row in zip(pictures, rows.tolist(), strict=True)],
                    pixels.device,
                )
                fools = batch.query(drawn, rows) > 0
                batch.keep(drawn[fools], rows[fools])
                batch.record_last(drawn, rows)
        return batch.perturbation()

    def _drawn(self, picture: Pixels, row: int, column: int) -> Pixels:
        name = self.names[row][column] if self.names else str(column + 1)
        return drawn_text(picture, self.attack.text.format(name=name), self.attack.height)


def drawn_text(picture: Pixels, text: str, height: float) -> Pixels:
    """uint8 (H, W, 3): black text on a white strip along the lower border, as large as it fits.

    Args:
        picture: uint8 (H, W, 3), RGB; not written to.
        text: One line.
        height: Of the strip, a share of H.
    """
    high, wide = picture.shape[:2]
    strip = max(1, round(height * high))
    canvas = Image.fromarray(picture.copy())
    pen = ImageDraw.Draw(canvas)
    pen.rectangle((0, high - strip, wide, high), fill="white")
    text = " ".join(text.split())
    size = max(SMALLEST_FONT, strip - 2)
    while size > SMALLEST_FONT and pen.textlength(text, font=ImageFont.load_default(size)) > wide - 2:
        size -= 1
    pen.text((wide / 2, high - strip / 2), text, fill="black", font=ImageFont.load_default(size), anchor="mm")
    return np.array(canvas)
