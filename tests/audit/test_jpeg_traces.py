"""Traces of JPEG are those of the library that writes it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from tests.audit.conftest import scene, shifted, through_jpeg

from robustmel.audit.jpeg_traces import QUALITIES, jpeg_quality, quantisation


def test_tables_are_those_that_files_carry() -> None:
    for quality in QUALITIES:
        file = io.BytesIO()
        Image.fromarray(scene(0)).save(file, format="JPEG", quality=quality)
        written = np.reshape(Image.open(file).quantization[0], (8, 8))  # type: ignore[attr-defined]
        assert (quantisation(quality) == written).all(), quality


@pytest.mark.parametrize("quality", [40, 60, 75, 90])
def test_the_quality_is_recognised_in_pixels(quality: int) -> None:
    clean = scene(5)
    recognised = jpeg_quality(through_jpeg(shifted(clean, 5), quality), clean)
    assert recognised == pytest.approx(quality, abs=1)  # tables of neighbours differ in a few steps


@pytest.mark.parametrize("quality", [40, 75, 90])
def test_a_clean_photograph_is_no_trace(quality: int) -> None:
    photograph = through_jpeg(shifted(scene(6), 6, 20), quality)
    assert jpeg_quality(shifted(photograph, 7), photograph) is None
    assert jpeg_quality(photograph, photograph) is None
