"""Small sets of images, honest ones and ones with a fault."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from robustmel.images import Pixels, file_digest, write_png

SIDE, IMAGES = 64, 4


def scene(seed: int) -> Pixels:
    """A smooth picture that touches neither black nor white."""
    random = np.random.default_rng(seed)
    coarse = random.integers(70, 180, (5, 5, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)).clip(60, 195).astype(np.uint8)


def shifted(clean: Pixels, seed: int, levels: int = 8) -> Pixels:
    """Every value moved by as many levels, up or down."""
    signs = np.random.default_rng(1000 + seed).choice([-1, 1], clean.shape)
    return (clean.astype(int) + levels * signs).clip(0, 255).astype(np.uint8)


def through_jpeg(pixels: Pixels, quality: int) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="JPEG", quality=quality)
    return np.asarray(Image.open(file))


class Set:
    """A folder of perturbed images and one of clean ones, both as arrays until `write`."""

    def __init__(self, folder: Path, seed: int = 0, levels: int = 8) -> None:
        self.folder, self.clean_folder = folder / "set", folder / "clean"
        self.clean = {f"m{place}": scene(10 * seed + place) for place in range(IMAGES)}
        self.images = {
            name: shifted(clean, 10 * seed + place, levels) for place, (name, clean) in enumerate(self.clean.items())
        }

    def write(self) -> Set:
        for folder, images in ((self.folder, self.images), (self.clean_folder, self.clean)):
            for name, pixels in images.items():
                write_png(folder / f"{name}.png", pixels)
        return self

    def write_tensors(self, dtype: torch.dtype = torch.float32, batched: bool = False) -> Set:
        self.write()
        for file in self.folder.iterdir():
            file.unlink()
        stack = torch.from_numpy(np.stack(list(self.images.values()))).permute(0, 3, 1, 2)
        values = stack if dtype is torch.uint8 else (stack.float() / 255).to(dtype)
        for name, one in zip(self.images, values, strict=True):
            torch.save(one[None].clone() if batched else one.clone(), self.folder / f"{name}.pt")
        return self

    def publish(self, succeeded: bool = True, budget: str = "8/255", source: str = "a", linf: float | None = None) -> Set:
        """As `robustmel perturb` writes it, as far as an audit reads it; its log says `linf` of every change."""
        self.folder = self.folder.parent / "published"
        for name, pixels in self.images.items():
            write_png(self.folder / "images" / f"{name}.png", pixels)
        for name, pixels in self.clean.items():
            write_png(self.clean_folder / f"{name}.png", pixels)
        (self.folder / "mentions.jsonl").write_text("")
        digests = {path.name: file_digest(path) for path in sorted((self.folder / "images").iterdir())}
        about = {"attack": {"name": "pgd"}, "title": "pgd", "budget": budget, "source_title": source, "images": digests}
        (self.folder / "perturbation.json").write_text(json.dumps(about))
        rows = [{"id": name, "status": "ok", "succeeded_u8": succeeded, "linf_u8": linf} for name in self.images]
        pq.write_table(pa.Table.from_pylist(rows), self.folder / "log.parquet")
        return self


@pytest.fixture
def plain(tmp_path: Path) -> Set:
    return Set(tmp_path)
