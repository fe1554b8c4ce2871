"""From the name of a model to a local folder of safetensors, and to the files in it that decide a linker's answers."""

import difflib
import hashlib
import json
import math
import re
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from robustmel.errors import MissingError, UsageError, with_article
from robustmel.linkers.hub import hub_folder
from robustmel.registry import suggestion

WORLD = "world:"
"""Prefix of the embedded checkpoints: `world:clip-world` lies in the package itself."""

CONFIGS = ("config.json", "preprocessor_config.json", "processor_config.json", "tokenizer_config.json")
"""Configurations, any of which may ask for code of the model's own."""

VOCABULARIES = (("tokenizer.json",), ("vocab.json", "merges.txt"), ("vocab.txt",), ("*.model",))
"""Files that hold a tokenizer's vocabulary, in the ways in which the library finds it."""

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
"""Where a model's weights are when there is no file `WEIGHTS`: names the files they are spread over."""

ADAPTERS = ("adapter_config.json", "adapter_model.safetensors", "adapter_model.bin")

DECISIVE = (
    *CONFIGS,
    "tokenizer.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "*.model",
)
"""Files beside the weights that a model's answers depend on; all else in a folder (logs, cards, other weights) is left alone."""

POOLING = "1_Pooling/config.json"
"""Where the sentence-transformers library says which vector of a text's tokens stands for it."""

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
        embedded = {path.name: path for path in EMBEDDED.glob("*") if path.is_dir()}
        if name not in embedded:
            raise MissingError(f'no embedded checkpoint "{name}". {suggestion(name, embedded)}')
        return _checked(embedded[name], model, allow_pickle)
    folder = Path(model).expanduser()
    if folder.is_dir():
        return _checked(folder, model, allow_pickle)
    if (EMBEDDED / model).is_dir() and Path(model).name == model:
        raise MissingError(f"no folder {model}; the embedded checkpoint of that name is {WORLD}{model}.")
    if _HUB_ID.fullmatch(model) is None or model.startswith("."):
        raise MissingError(
            f"no folder {model}{_beside(folder)}; model is a folder in the Hugging Face layout, a hub id, or world:NAME."
        )
    files = (*DECISIVE, POOLING, ADAPTERS[0], WEIGHTS, "model-*.safetensors", INDEX)
    patterns = ((*files, PICKLE), PICKLE) if allow_pickle else (files, "model*.safetensors")
    return _checked(hub_folder(model, revision, *patterns), model, allow_pickle)


def weight_files(model: str, revision: str | None = None, allow_pickle: str | None = None) -> tuple[Path, ...]:
    """The files that decide a model's answers, sorted by name.

    Raises:
        MissingError: As `model_folder`.
    """
    folder = model_folder(model, revision, allow_pickle)
    decisive = (path for path in folder.iterdir() if path.is_file() and any(fnmatch(path.name, name) for name in DECISIVE))
    pooling = [folder / POOLING] if (folder / POOLING).is_file() else []
    return tuple(sorted((*decisive, *pooling, *(safetensors(folder) or (folder / PICKLE,)))))


def safetensors(folder: Path) -> tuple[Path, ...]:
    """The files that weights are read from, in the format that cannot run code; none where a folder holds no such weights.

    Raises:
        MissingError: The index names files that are not there.
    """
    if (folder / WEIGHTS).is_file():
        return (folder / WEIGHTS,)
    index = folder / INDEX
    if not index.is_file():
        return ()
    stated = read_json(index).get("weight_map")
    names = {str(name) for name in stated.values()} if isinstance(stated, dict) else set()
    absent = sorted(name for name in names if Path(name).name != name or not (folder / name).is_file())
    if absent or not names:
        raise MissingError(f"{index} names " + (f"{absent[0]}, which is not beside it." if absent else "no files of weights."))
    return (index, *(folder / name for name in names))


def weight_count(files: Iterable[Path]) -> int:
    """How many numbers the safetensors among the files hold, by their headers.

    Raises:
        MissingError: A header cannot be read.
    """
    count = 0
    for file in (file for file in files if file.suffix == ".safetensors"):
        try:
            with safe_open(file, framework="numpy") as opened:
                count += sum(math.prod(opened.get_slice(name).get_shape()) for name in opened.keys())  # noqa: SIM118
        except (OSError, SafetensorError) as problem:
            raise MissingError(f"{file} cannot be read: {problem}.") from problem
    return count


def model_type(folder: Path) -> str:
    """`model_type` of the folder's config.json, "" where it states none.

    Raises:
        MissingError: The file is no JSON object.
    """
    return str(read_json(folder / "config.json").get("model_type", ""))


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        MissingError: The file holds none.
    """
    if file.exists() and not file.is_file():
        raise MissingError(f"{file} cannot be read: it is no file.")
    try:
        read: Any = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(read, dict):
            return read
        problem = f"it holds {with_article(type(read).__name__)}, not an object"
    except (OSError, ValueError, RecursionError) as error:
        problem = str(error)
    raise MissingError(f"{file} cannot be read: {problem}.")


def _beside(folder: Path) -> str:
    """A folder of a similar name in the same place."""
    there = [path.name for path in folder.parent.glob("*") if path.is_dir()] if folder.parent.is_dir() else []
    close = difflib.get_close_matches(folder.name, there, n=1)
    return f" (did you mean {folder.parent / close[0]}?)" if close else ""


def _checked(folder: Path, model: str, allow_pickle: str | None) -> Path:
    """The folder, unless it lacks what decides answers, or holds what would change them where some package is installed."""
    if adapters := [name for name in ADAPTERS if (folder / name).is_file()]:
        raise MissingError(
            f"{model} holds an adapter ({adapters[0]}), which is not applied; merge it into its model once (peft: merge_and_unload, "
            "then save_pretrained into another folder), or remove it to link with the weights as they are."
        )
    wanted = (*DECISIVE, WEIGHTS, INDEX, "*.safetensors", PICKLE)
    for path in folder.iterdir():  # the library would wait for a pipe, and read a device for ever
        if path.exists() and not path.is_file() and any(fnmatch(path.name, name) for name in wanted):
            raise MissingError(f"{path} is no file of a model; put the file in its place.")
    if not (folder / "config.json").is_file():
        raise MissingError(f"{model} has no config.json in {folder}; a model is a folder in the Hugging Face layout.")
    for name in CONFIGS:
        if (folder / name).is_file() and read_json(folder / name).get("auto_map"):
            raise MissingError(
                f"{model} asks for Python code of its own (auto_map in {name}); code that comes with weights is never run, and "
                "without it the answers may be others: choose a model that the transformers library implements itself."
            )
    config = read_json(folder / "config.json")
    parts = [config, *(part for part in config.values() if isinstance(part, dict))]
    kernels = [part.get(key) for part in parts for key in ("attn_implementation", "_attn_implementation")]
    asks_for = {
        "quantization_config": any(part.get("quantization_config") for part in parts),
        "transformers_weights": config.get("transformers_weights"),
        "attn_implementation": any(kernel not in (None, "eager", "sdpa") for kernel in kernels),
    }
    for key in (key for key, wanted in asks_for.items() if wanted):
        raise MissingError(f"{model} states {key} in config.json, which asks for other weights or packages; save it without.")
    if not (folder / "tokenizer_config.json").is_file():
        raise MissingError(
            f"{model} has no tokenizer_config.json, which says how texts are read; copy it from the model's source."
        )
    if not any(all(any(folder.glob(name)) for name in names) for names in VOCABULARIES):
        raise MissingError(
            f"{model} has no vocabulary: neither {' nor '.join(' with '.join(names) for names in VOCABULARIES)}."
        )
    if safetensors(folder):
        return folder
    if allow_pickle:
        _check_pickle(folder, model, allow_pickle)
        return folder
    there = sorted(path.name for path in folder.iterdir())
    pickled = [name for name in there if any(fnmatch(name, pattern) for pattern in PICKLED)]
    foreign = [name for name in there if name.endswith(".safetensors")]
    other = f"other weights ({foreign[0]})" if foreign else "no weights"
    content = f"only pickled weights ({pickled[0]})" if pickled else other
    raise MissingError(
        f"{model} holds {content} where {WEIGHTS} is expected; pickles can run code and are not read: convert them once "
        f'with save_pretrained, name a revision that has {WEIGHTS}, or allow {PICKLE} by allow_pickle = "sha256:...".'
    )


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
    pinned = _PIN.fullmatch(pin)
    if pinned is None:
        raise UsageError(f'allow_pickle = "{pin}" is not a pin; write "sha256:" and the 64 hexadecimal digits of {PICKLE}.')
    file = folder / PICKLE
    if not file.is_file():
        raise MissingError(f"{model} has neither {WEIGHTS} nor {PICKLE} in {folder}; allow_pickle reads no other pickle.")
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    if digest != pinned[1]:
        raise MissingError(f"{file} has the digest sha256:{digest}, not the one that allow_pickle names; it is not read.")
    import torch

    numbers = tuple(int(number) for number in re.findall(r"\d+", torch.__version__)[:2])
    if numbers < SAFE_SINCE:
        raise MissingError(
            f"torch {torch.__version__} reads pickles unsafely; allow_pickle needs torch {'.'.join(map(str, SAFE_SINCE))} or later."
        )
