"""From the name of a model to a local folder of safetensors, and to the files in it that decide a linker's answers."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from robustmel.errors import MissingError

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

PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")

_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")


def model_folder(model: str, revision: str | None = None) -> Path:
    """The local folder of a model.

    Args:
        model: A folder, `world:NAME` for an embedded checkpoint, or a hub id ("openai/clip-vit-base-patch32").
        revision: Branch, tag or commit of a hub id; ignored for folders.

    Raises:
        MissingError: There is no such folder, the hub's copy cannot be had, or it holds no safetensors.
    """
    if model.startswith(WORLD):
        name = model.removeprefix(WORLD)
        folder = Path(__file__).parents[1] / "world" / "checkpoints" / name
        if not folder.is_dir() or folder.name != name:
            known = sorted(path.name for path in folder.parent.glob("*") if path.is_dir())
            raise MissingError(f'no embedded checkpoint "{name}"; there are: {", ".join(known) or "none"}.')
        return _checked(folder, model)
    folder = Path(model).expanduser()
    if folder.is_dir():
        return _checked(folder, model)
    if _HUB_ID.fullmatch(model) is None or model.startswith("."):
        raise MissingError(f"no folder {model}; model is a folder in the Hugging Face layout, a hub id, or world:NAME.")
    return _checked(_from_hub(model, revision), model)


def weight_files(model: str, revision: str | None = None) -> tuple[Path, ...]:
    """The files that decide a model's answers, sorted by name.

    Raises:
        MissingError: As `model_folder`.
    """
    folder = model_folder(model, revision)
    return tuple(sorted(path for path in folder.iterdir() if path.is_file() and _decisive(path.name)))


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


def _checked(folder: Path, model: str) -> Path:
    if not (folder / "config.json").is_file():
        raise MissingError(f"{model} has no config.json in {folder}; a model is a folder in the Hugging Face layout.")
    if not any(folder.glob("*.safetensors")):
        pickled = sorted(path.name for path in folder.iterdir() if any(fnmatch(path.name, pattern) for pattern in PICKLED))
        found = f"only pickled weights ({pickled[0]})" if pickled else "no weights"
        raise MissingError(
            f"{model} holds {found} where *.safetensors is expected; pickles can run code and are not read: convert them once "
            "with save_pretrained, or name a revision that has safetensors."
        )
    return folder


def _from_hub(model: str, revision: str | None) -> Path:
    """The hub's copy: from the cache where it is whole, else fetched, with a short timeout and no retries of our own."""
    from huggingface_hub import constants, snapshot_download

    asked: dict[str, Any] = {"revision": revision, "allow_patterns": list(DECISIVE)}
    try:
        cached = Path(snapshot_download(model, local_files_only=True, **asked))
        if any(cached.glob("*.safetensors")) and (cached / "config.json").is_file():
            return cached
        why = "its copy in the hub cache is incomplete"
    except Exception:  # a cache in any state; what is said is decided below
        why = "the hub cache has no copy"
    at = f" (revision {revision})" if revision else ""
    if constants.HF_HUB_OFFLINE:
        raise MissingError(
            f"model {model}{at}: there is no such folder, {why}, and HF_HUB_OFFLINE forbids fetching it; unset HF_HUB_OFFLINE, or "
            "set model to a local folder."
        )
    try:
        return Path(snapshot_download(model, etag_timeout=5, **asked))
    except Exception as problem:  # network, permission, gated or misspelt: one sentence either way
        reason = (str(problem).splitlines() or [""])[0][:160].rstrip(". ") or type(problem).__name__
        raise MissingError(
            f"model {model}{at}: there is no such folder, {why}, and it cannot be fetched: {reason}; check the name, fetch it "
            "beforehand where there is a network (HF_HUB_OFFLINE=1 then uses the cache), or set model to a local folder."
        ) from problem
