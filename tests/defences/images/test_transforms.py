"""Images changed before a linker looks: right by a peer or in closed form, one value in every door, and open to attacks."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

import robustmel as rm
from robustmel.defences import DEFENCES
from robustmel.defences.images.bit_depth import BitDepth
from robustmel.defences.images.jpeg import JPEG
from robustmel.defences.images.median import Median
from robustmel.defences.images.random_resize import RandomResize
from robustmel.defences.images.transform import ImageTransform, TransformedImages
from robustmel.defences.images.views import Crop, Views
from robustmel.errors import UsageError
from robustmel.images import Pixels, decode
from robustmel.kb import KnowledgeBase
from robustmel.linkers.contract import Capabilities
from robustmel.types import Query

NOBODY = KnowledgeBase(())
NAMES = ("jpeg", "bit-depth", "median", "random-resize", "views")


def noisy(height: int = 13, width: int = 9) -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def as_tensor(*pictures: Pixels) -> torch.Tensor:
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255


@pytest.fixture(scope="module")
def clip() -> tuple[Any, list[Query], torch.Tensor]:
    """A linker, queries whose images have one size, and these images."""
    data = rm.load_dataset("world-news", "test")
    linker = rm.load_linker("clip-world", data, device="cpu")
    queries = [mention.query(data.name, mention.candidates or ()) for mention in data.mentions[:12]]
    size = decode(queries[0].image).shape  # type: ignore[arg-type]
    queries = [query for query in queries if decode(query.image).shape == size][:3]  # type: ignore[arg-type]
    return linker, queries, as_tensor(*(decode(query.image) for query in queries))  # type: ignore[arg-type]


def test_each_transform_is_what_its_name_says() -> None:
    picture = noisy()
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=30)
    assert np.array_equal(JPEG(NOBODY, quality=30).picture(picture, 0), np.asarray(Image.open(file)))
    for size in (3, 5):
        by_scipy = ndimage.median_filter(picture, size=(size, size, 1), mode="nearest")
        assert np.array_equal(Median(NOBODY, size=size).picture(picture, 0), by_scipy)
    for bits in (1, 3, 8):
        levels = np.unique(BitDepth(NOBODY, bits=bits).picture(np.arange(768, dtype=np.uint8).reshape(16, 16, 3), 0))
        assert np.array_equal(levels, np.rint(np.linspace(0, 255, 2**bits)))
    assert np.array_equal(BitDepth(NOBODY, bits=8).picture(picture, 0), picture)
    assert np.array_equal(Crop(0.5, 1.0, 0.0, mirrored=True).picture(picture, 0), picture[7:, 3::-1])


@pytest.mark.parametrize(("transform", "slack"), [(RandomResize(NOBODY, smallest=0.5), 1.5), (Crop(0.7, 0.0, 1.0, True), 0.0)])
def test_the_stand_in_has_the_value_of_the_transform(transform: ImageTransform, slack: float) -> None:
    seeds = [1, 2, 3]
    pictures = [noisy(), noisy()[::-1], noisy()[:, ::-1]]
    exact = as_tensor(*(transform.picture(picture, seed) for picture, seed in zip(pictures, seeds, strict=True)))
    assert (transform.smooth(as_tensor(*pictures), seeds) - exact).abs().max() <= slack / 255 + 1e-6


@pytest.mark.parametrize("quality", [30, 75, 95])
def test_soft_jpeg_is_nearly_what_pillow_writes_at_any_size(quality: int) -> None:
    ramp = np.add.outer(np.arange(37) * 4, np.arange(45) * 2)[..., None] + np.array([0, 20, -30])
    picture = (128 + 60 * np.sin(ramp / 30)).astype(np.uint8)
    written = as_tensor(JPEG(NOBODY, quality=quality).picture(picture, 0))
    soft = JPEG(NOBODY, quality=quality).smooth(as_tensor(picture), [0])
    assert soft.shape == written.shape
    assert (soft - written).abs().mean() < 1.5 / 255
    assert (as_tensor(picture) - written).abs().mean() > 0.5 * (soft - written).abs().mean()


def test_the_gradient_of_jpeg_leads_further_than_a_straight_one() -> None:
    """Of a random direction, what compression keeps: the slope foretells it better than the identity does."""
    picture, dice = as_tensor(noisy(32, 32)) / 4 + 0.4, torch.Generator().manual_seed(0)
    aim = torch.randn(picture.shape, generator=dice)
    jpeg, leaf = JPEG(NOBODY, quality=50), picture.clone().requires_grad_()
    (slope,) = torch.autograd.grad((jpeg.smooth(leaf, [0]) * aim).sum(), leaf)

    def rise(direction: torch.Tensor) -> float:
        moved = (picture + 8 / 255 * direction.sign()).clamp(0, 1)
        levels = [(image * 255).round().to(torch.uint8).permute(0, 2, 3, 1)[0].numpy() for image in (picture, moved)]
        before, after = (as_tensor(jpeg.picture(level, 0)) for level in levels)
        return float(((after - before) * aim).sum())

    assert rise(slope) > rise(aim)


def test_a_random_transform_draws_from_the_seed_alone() -> None:
    transform, picture = RandomResize(NOBODY, smallest=0.4), noisy(40, 40)
    drawn = [transform.picture(picture, seed) for seed in (1, 2, 1)]
    assert np.array_equal(drawn[0], drawn[2])
    assert not np.array_equal(drawn[0], drawn[1])
    assert RandomResize.capabilities(Capabilities(("I2T",))).random


@pytest.mark.parametrize("name", NAMES)
def test_link_scores_and_logits_see_the_same_picture(name: str, clip: tuple[Any, list[Query], torch.Tensor]) -> None:
    linker, queries, pixels = clip
    queries = [replace(query, seed=number) for number, query in enumerate(queries)]
    defended = DEFENCES.create(name, linker.kb).defend(linker)
    leaf = pixels.clone().requires_grad_()
    table, logits = defended.scores(queries, "I2T"), defended.logits(leaf, queries, "I2T")
    torch.testing.assert_close(logits.detach(), table, atol=1e-5, rtol=0)
    for answer, query, row in zip(defended.link(queries, "I2T"), queries, table, strict=True):
        assert query.listed[int(row[: len(query.listed)].argmax())] == answer.ranked[0]
    (gradient,) = torch.autograd.grad(logits[:, 0].sum(), leaf)
    assert (gradient.flatten(1).abs().sum(1) > 0).all()  # a naive one would be zero behind jpeg and bit-depth
    assert name == "views" or not torch.allclose(table, linker.scores(queries, "I2T"), atol=1e-5)
    assert defended.link(queries, "T2T")[0].scores == linker.link(queries, "T2T")[0].scores


def test_a_vote_follows_the_majority_and_else_the_whole_image(clip: tuple[Any, list[Query], torch.Tensor]) -> None:
    linker, queries, _ = clip
    voices = [TransformedImages(linker, Crop(1.0, 0, 0, False))]
    voices += [TransformedImages(linker, Crop(0.6, down, across, False)) for down, across in ((0, 0), (0, 1), (1, 0), (1, 1))]
    heard = [[voice.link([query], "I2T")[0].ranked[0] for voice in voices] for query in queries]
    for answer, said in zip(Views(linker.kb, keep=0.6).defend(linker).link(queries, "I2T"), heard, strict=True):
        most = max(map(said.count, said))
        assert answer.ranked[0] == next(name for name in said if said.count(name) == most)
    assert len(Views(linker.kb, mirrored=True)._crops) == 10


def test_a_broken_image_stays_the_linker_s_affair(clip: tuple[Any, list[Query], torch.Tensor], tmp_path: Path) -> None:
    linker, queries, _ = clip
    (tmp_path / "broken.png").write_bytes(b"none")
    lost = [replace(queries[0], image=None), replace(queries[0], image=tmp_path / "broken.png"), queries[0]]
    answers = JPEG(linker.kb).defend(linker).link(lost, "IT2T")
    assert [answer.error for answer in answers] == ["no_image", "image_decode", None]


def test_values_out_of_range_and_linkers_without_images_are_refused() -> None:
    wrong = {"jpeg": {"quality": 0}, "bit-depth": {"bits": 9}, "median": {"size": 4}, "random-resize": {"smallest": 0}}
    for name, parameters in {**wrong, "views": {"keep": 1.0}}.items():
        with pytest.raises(UsageError, match=f"defence {name}"):
            DEFENCES.create(name, NOBODY, **parameters)
    for name in NAMES:
        assert DEFENCES.load(name).capabilities(Capabilities(("I2T",), images=False)).tasks == ()
