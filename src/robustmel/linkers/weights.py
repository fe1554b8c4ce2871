"""From the name of a model to a local folder of safetensors, and to the files in it that decide a linker's answers."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from robustmel.errors import MissingError, UsageError
from robustmel.linkers.hub import hub_folder
from robustmel.registry import suggestion

WORLD = "world:"
"""Prefix of the embedded checkpoints: `world:clip-world` lies in the package itself."""

DECISIVE = (
    "config.json",
    "*.safetensors",
    "*.safetensors.index.json",
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "*.model",
)
"""Files that a model's answers depend on; all else in a folder (logs, cards, optimiser states) is left alone."""

PICKLE = "pytorch_model.bin"
"""The one file that may be allowed; weights in several pickled files are not read."""

SAFE_SINCE = (2, 10)
"""The first torch whose `weights_only` has no known hole (CVE-2025-32434 before 2.6, CVE-2026-24747 before 2.10)."""

_PIN = re.compile(r"sha256:([0-9a-f]{64})")

PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")

EMBEDDED = Path(__file__).parents[1] / "world" / "checkpoints"

_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")


def model_folder(model: str, revision: str | None = None, allow_pickle: str | None = None) -> Path:
    """The local folder of a model.

    Args:
        model: A folder, `world:NAME` for an embedded checkpoint, or a hub id ("openai/clip-vit-base-patch32").
        revision: Branch, tag or commit of a hub id; ignored for folders.
        allow_pickle: "sha256:" and the digest of the one pickle that may be read; None reads none.

    Raises:
        UsageError: `allow_pickle` is no digest.
        MissingError: There is no such folder, the hub's copy cannot be had, or it holds no weights that may be read.
    """
    if model.startswith(WORLD):
        name = model.removeprefix(WORLD)
        known = {path.name: path for path in EMBEDDED.glob("*") if path.is_dir()}
        if name not in known:
            raise MissingError(f'no embedded checkpoint "{name}". {suggestion(name, known)}')
        return _checked(known[name], model, allow_pickle)
    folder = Path(model).expanduser()
    if folder.is_dir():
        return _checked(folder, model, allow_pickle)
    if (EMBEDDED / model).is_dir() and Path(model).name == model:
        raise MissingError(f"no folder {model}; the embedded checkpoint of that name is {WORLD}{model}.")
    if _HUB_ID.fullmatch(model) is None or model.startswith("."):
        raise MissingError(
            f"no folder {model}{_beside(folder)}; model is a folder in the Hugging Face layout, a hub id, or world:NAME."
        )
    wanted, weights = ((*DECISIVE, PICKLE), PICKLE) if allow_pickle else (DECISIVE, "*.safetensors")
    return _checked(hub_folder(model, revision, wanted, weights), model, allow_pickle)


def weight_files(model: str, revision: str | None = None, allow_pickle: str | None = None) -> tuple[Path, ...]:
    """The files that decide a model's answers, sorted by name.

    Raises:
        MissingError: As `model_folder`.
    """
    folder = model_folder(model, revision, allow_pickle)
    pickled = {PICKLE} if allow_pickle and not has_safetensors(folder) else set()
    return tuple(sorted(path for path in folder.iterdir() if path.is_file() and (_decisive(path.name) or path.name in pickled)))


def has_safetensors(folder: Path) -> bool:
    """Whether weights lie there in the format that cannot run code."""
    return any(folder.glob("*.safetensors"))


def model_type(folder: Path) -> str:
    """`model_type` of the folder's config.json, "" where it states none.

    Raises:
        MissingError: The file is no JSON object.
    """
    try:
        config: Any = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return str(config.get("model_type", ""))
    except (ValueError, AttributeError) as problem:
        raise MissingError(f"{folder / 'config.json'} is not a model's configuration: {problem}.") from problem


def _decisive(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in DECISIVE)


def _beside(folder: Path) -> str:
    """A folder of a similar name in the same place."""
    there = [path.name for path in folder.parent.glob("*") if path.is_dir()] if folder.parent.is_dir() else []
    close = difflib.get_close_matches(folder.name, there, n=1)
    return f" (did you mean {folder.parent / close[0]}?)" if close else ""


def _checked(folder: Path, model: str, allow_pickle: str | None) -> Path:
    if not (folder / "config.json").is_file():
        raise MissingError(f"{model} has no config.json in {folder}; a model is a folder in the Hugging Face layout.")
    if not has_safetensors(folder):
        if allow_pickle:
            _check_pickle(folder, model, allow_pickle)
            return folder
        pickled = sorted(path.name for path in folder.iterdir() if any(fnmatch(path.name, pattern) for pattern in PICKLED))
        content = f"only pickled weights ({pickled[0]})" if pickled else "no weights"
        raise MissingError(
            f"{model} holds {content} where *.safetensors is expected; pickles can run code and are not read: convert them once "
            f'with save_pretrained, name a revision that has safetensors, or allow {PICKLE} by allow_pickle = "sha256:...".'
        )
    return folder


def _check_pickle(folder: Path, model: str, pin: str) -> None:
    """Refuses pickled weights that are not the very ones that were allowed: a pickle may run code when it is read.

    Args:
        folder: Of the model.
        model: As the user named it.
        pin: "sha256:" and the digest of the file, in 64 hexadecimal digits.

    Raises:
        UsageError: The pin is no digest.
        MissingError: There is no such file, it is another one, or the installed torch reads pickles unsafely.
    """
    wanted = _PIN.fullmatch(pin)
    if wanted is None:
        raise UsageError(f'allow_pickle = "{pin}" is no pin; write "sha256:" and the 64 hexadecimal digits of {PICKLE}.')
    file = folder / PICKLE
    if not file.is_file():
        raise MissingError(f"{model} has neither *.safetensors nor {PICKLE} in {folder}; allow_pickle reads no other pickle.")
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    if digest != wanted[1]:
        raise MissingError(f"{file} has the digest sha256:{digest}, not the one that allow_pickle names; it is not read.")
    import torch

    numbers = tuple(int(number) for number in re.findall(r"\d+", torch.__version__)[:2])
    if numbers < SAFE_SINCE:
        raise MissingError(
            f"torch {torch.__version__} reads pickles unsafely; allow_pickle needs torch {'.'.join(map(str, SAFE_SINCE))} or later."
        )
