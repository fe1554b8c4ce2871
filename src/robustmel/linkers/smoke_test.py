"""Tests a model folder with two pictures and two texts, before any run."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from robustmel.errors import MissingError
from robustmel.linkers.loading import first_line

PICTURE_SIZES = ((31, 47), (47, 31))
"""(height, width) of the pictures: odd, and as most photographs are."""

TEXTS = ("red", "blue")


@torch.no_grad()
def smoke_test(linker: Any, model: str) -> None:
    """Embeds and compares as a run does, and refuses what does not fit together.

    Raises:
        MissingError: Tokenizer, image processor, configuration and weights do not work together; the sentence says which.
    """
    texts, images = _texts(linker, model), _images(linker, model)
    with _trying(model, "its embeddings of images and of texts cannot be compared"):
        linker.compare(images, texts, normalize(texts, dim=-1), normalise=True)
    for embeddings, what in ((texts, "texts"), (images, "images")):
        if not bool(embeddings.isfinite().all()):
            raise MissingError(f"{model}: its embeddings of {what} are not finite; its weights are damaged.")


@torch.no_grad()
def score_trial(scores: Callable[[Sequence[np.ndarray[Any, Any]]], Tensor], model: str) -> None:
    """The same for a model that writes: asks it about a picture once.

    Args:
        scores: Of some names, from pictures.
        model: As `smoke_test`.

    Raises:
        MissingError: As `smoke_test`.
    """
    picture = np.random.default_rng(0).integers(0, 256, (*PICTURE_SIZES[0], 3), dtype=np.uint8)
    with _trying(model, "its tokenizer, chat template, image processor and weights do not work together"):
        made = scores([picture])
    if bool(made.isnan().any()):
        raise MissingError(f"{model}: its scores are not finite; its image processor's settings or its weights are damaged.")


def _texts(linker: Any, model: str) -> Tensor:
    tower, tokenizer = linker.text_tower, linker.tokenizer
    tables = [part for name, part in linker.model.named_modules() if name.endswith(("token_embedding", "word_embeddings"))]
    rows = min((len(part.weight) for part in tables), default=2**63)
    special = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}  # such as <image>
    words = [index for token, index in tokenizer.get_vocab().items() if token not in special]
    with _trying(model, "its tokenizer fails on a text; correct tokenizer_config.json"):
        first, second = tower.tokens(TEXTS)
    if (largest := max(*words, *first, *second, tokenizer.pad_token_id or 0)) >= rows:
        raise MissingError(
            f"{model}: its tokenizer gives ids up to {largest}, but its text tower has {rows} token embeddings; take both from "
            "one source."
        )
    with _trying(model, "its text tower does not take what its tokenizer gives"):
        embeddings: Tensor = tower.embed(TEXTS)
    tower.cut.clear()
    if first != second and torch.equal(*embeddings):
        raise MissingError(
            f"{model}: its text tower gives all texts one embedding; does config.json state the tokenizer's eos_token_id?"
        )
    return embeddings


def _images(linker: Any, model: str) -> Tensor:
    pictures = [np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8) for size in PICTURE_SIZES]
    with _trying(model, "its image processor fails on a picture of 47x31; correct preprocessor_config.json"):
        inputs = [linker.preprocessing.pictures([picture]) for picture in pictures]
    (height, width), other = (tuple(values.shape[2:]) for values in inputs)
    if (height, width) != other:
        raise MissingError(
            f"{model}: its image processor makes {width}x{height} of a picture of 47x31, and {other[1]}x{other[0]} of one of "
            "31x47; all must come to one size: correct preprocessor_config.json (crop_size, pad_size, or a size of height and width)."
        )
    fault = ""
    if not all(bool(values.isfinite().all()) for values in inputs):
        fault = "makes values that are not finite"
    elif torch.equal(*inputs):
        fault = "makes the same of all pictures"
    if fault:
        raise MissingError(
            f"{model}: its image processor {fault}; correct preprocessor_config.json (image_std, rescale_factor)."
        )
    with _trying(model, f"its image tower does not take the {width}x{height} that preprocessor_config.json asks for"):
        embeddings: Tensor = linker.image_features(linker.model, torch.cat(inputs).to(linker.device))
    return embeddings


@contextmanager
def _trying(model: str, what: str) -> Iterator[None]:
    try:
        yield
    except Exception as problem:  # the library raises whatever a folder makes it stumble upon
        raise MissingError(f"{model}: {what} ({first_line(problem)}).") from problem
