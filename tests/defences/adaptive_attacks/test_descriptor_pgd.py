"""An attack on the answer and on what the image is said to show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import robustmel as rm
from robustmel.attacks.image.item_noise import ItemNoise
from robustmel.attacks.image.pgd import PGD
from robustmel.defences.adaptive_attacks.descriptor_pgd import DescriptorPGD, _embedded
from robustmel.errors import UsageError
from robustmel.images import decode
from robustmel.run.stages.objective import LinkerObjective


def test_it_is_pgd_without_weight_and_leads_the_embedding_further_away_with_it() -> None:
    data = rm.load_dataset("world-news", "test")
    linker: Any = rm.load_linker("clip-world", data, device="cpu")
    queries = [mention.query(data.name, mention.candidates) for mention in data.mentions[:8]]
    size = decode(queries[0].image).shape  # type: ignore[arg-type]
    chosen = [place for place, query in enumerate(queries) if decode(query.image).shape == size][:2]  # type: ignore[arg-type]
    asked = [queries[place] for place in chosen]
    pixels = torch.from_numpy(np.stack([decode(query.image) for query in asked])).permute(0, 3, 1, 2).float() / 255  # type: ignore[arg-type]
    gold = torch.tensor(
        [query.listed.index(str(data.mentions[place].gold)) for place, query in zip(chosen, asked, strict=True)]
    )

    def perturbed(attack: PGD) -> torch.Tensor:
        noise = ItemNoise([1] * len(asked), tuple(pixels.shape[1:]), torch.device("cpu"))
        made = attack.perturb(pixels, LinkerObjective(linker, "I2T", "cosine", asked), gold, noise)
        assert made.linf.max() <= attack.eps + 1e-6
        return made.pixels

    setting = {"steps": 5, "on_failure": "last"}
    plain, none = perturbed(PGD(**setting)), perturbed(DescriptorPGD(weight=0, **setting))  # type: ignore[arg-type]
    assert torch.equal(plain, none)
    joint = perturbed(DescriptorPGD(weight=2, **setting))  # type: ignore[arg-type]
    clean, *others = (_embedded(linker, images).detach() for images in (pixels, plain, joint))
    away = [(embedding - clean).square().sum(1).mean() for embedding in others]
    assert away[1] > away[0]


def test_what_embeds_no_images_is_refused() -> None:
    with pytest.raises(UsageError, match="embeds no images"):
        DescriptorPGD(encoder="copy-surface")
