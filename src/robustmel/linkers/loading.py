"""A model, its tokenizer and its image processor from one folder: safetensors only, complete, frozen, in float32 unless said otherwise."""

import contextlib
import importlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import normalizers

from robustmel.errors import MissingError, UsageError, with_article
from robustmel.linkers.weights import model_folder, model_type, read_json, safetensors

log = logging.getLogger(__name__)

CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ ÀÉÎ"


@dataclass(frozen=True)
class LoadedModel:
    """What lies in a model's folder.

    Args:
        model: In evaluation mode, parameters frozen, on the CPU.
        tokenizer: Of the library.
        image_processor: Of the library, the Pillow one.
    """

    model: Any
    tokenizer: Any
    image_processor: Any


def pick_device(name: str) -> torch.device:
    """The device of that name; "auto" means a GPU where there is one.

    Raises:
        UsageError: There is no device of that name.
        MissingError: A GPU is asked for and there is none.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f'device = "{name}" is unknown; expected auto, cpu, cuda or cuda:N.') from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise MissingError(f'device = "{name}": there are {torch.cuda.device_count()} CUDA devices here; set device = "auto".')
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = (
            False  # float32 is what is promised; torch would round what convolutions read to 10 bits
        )
    return device


def check_device(name: str) -> None:
    """Refuses what no machine has; a GPU that is not here may be where the grid will run.

    Raises:
        UsageError: There is no device of that name.
    """
    with contextlib.suppress(MissingError):
        pick_device(name)


def load(
    model: str,
    revision: str | None,
    library_class: str,
    model_types: tuple[str, ...],
    *,
    allow_pickle: str | None = None,
    dtype: str = "float32",
) -> LoadedModel:
    """Loads a model of a known family.

    Raises:
        UsageError: The folder holds a model of another family.
        MissingError: Something is absent, incomplete or unreadable, or asks for code of its own.
    """
    folder = model_folder(model, revision, allow_pickle)
    kind = model_type(folder)
    if kind not in model_types:
        raise UsageError(f"{model} holds a model of type {kind or 'unknown'}; this linker reads {' or '.join(model_types)}.")
    transformers: Any = importlib.import_module("transformers")
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    with quiet():
        try:
            network, report = _class_of(library_class).from_pretrained(
                folder,
                dtype=getattr(torch, dtype),
                use_safetensors=bool(safetensors(folder)),
                weights_only=True,
                ignore_mismatched_sizes=True,  # so that all of them can be named
                output_loading_info=True,
                **local,
            )
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **local)
            processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil", **local)
        except Exception as problem:  # the library raises whatever a broken folder makes it stumble upon
            raise MissingError(f"{model} does not load from {folder}: {first_line(problem)}.") from problem
    check_complete(report, model, library_class)
    _apply(tokenizer, folder)
    network.eval().requires_grad_(False)
    return LoadedModel(network, tokenizer, processor)


def _class_of(name: str) -> Any:
    """A class of the transformers library, or `module:Class` of one built from its parts."""
    module, _, class_name = name.rpartition(":")
    return getattr(importlib.import_module(module or "transformers"), class_name)


def load_text_model(model: str, folder: Path, auto_class: str, what: str = "") -> tuple[Any, Any, Any]:
    """A network that reads text, in float32, its tokenizer, and what the library says of its weights, for `check_complete`.

    Raises:
        MissingError: It is incomplete or unreadable, or asks for code of its own.
    """
    transformers: Any = importlib.import_module("transformers")
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    with quiet():
        try:
            network, report = getattr(transformers, auto_class).from_pretrained(
                folder, dtype=torch.float32, use_safetensors=True, output_loading_info=True, **local
            )
            return network, transformers.AutoTokenizer.from_pretrained(folder, **local), report
        except Exception as problem:  # the library raises whatever a broken folder makes it stumble upon
            raise MissingError(f"{model} does not load from {folder}{what}: {first_line(problem)}.") from problem


def _apply(tokenizer: Any, folder: Path) -> None:
    """What a folder says of its tokenizer and the library leaves out: lower case (SigLIP 2), and padding (`text_config`)."""
    lowers = read_json(folder / "tokenizer_config.json").get("do_lower_case")
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if lowers is True and backend is not None and tokenizer(CAPITALS)["input_ids"] != tokenizer(CAPITALS.lower())["input_ids"]:
        parts = [normalizers.Lowercase(), *([backend.normalizer] if backend.normalizer else [])]
        backend.normalizer = normalizers.Sequence(parts)
    stated = read_json(folder / "config.json").get("text_config")
    padding = stated.get("pad_token_id") if isinstance(stated, dict) else None
    if tokenizer.pad_token_id is None and isinstance(padding, int) and 0 <= padding < len(tokenizer):
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(padding)


def check_complete(report: Any, model: str, library_class: str) -> None:
    """Refuses weights that are absent or of another shape; says which ones have no place."""
    absent, odd = sorted(report["missing_keys"]), sorted(report["mismatched_keys"])
    if absent:
        raise MissingError(
            f"{model} lacks {len(absent)} weights of {with_article(library_class)}, the first: {', '.join(absent[:3])}."
        )
    if odd:
        mismatches = ", ".join(f"{name} is {tuple(actual)}, not {tuple(wanted)}" for name, actual, wanted in odd[:3])
        raise MissingError(
            f"{model} has {len(odd)} weights of another shape than its config.json states, the first: {mismatches}."
        )
    spare = sorted(report["unexpected_keys"])
    if spare:
        log.warning("%s has %d weights that a %s does not have, the first: %s", model, len(spare), library_class, spare[0])


def first_line(problem: Exception) -> str:
    """What an exception of the library says, on one line."""
    return (str(problem).strip().splitlines() or [""])[0][:200].rstrip(". ") or type(problem).__name__


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the library's progress bars and remarks: our own stages report progress, and what is missing is an error here."""
    library: Any = importlib.import_module("transformers.utils.logging")
    progress_bar, verbosity = library.is_progress_bar_enabled(), library.get_verbosity()
    library.disable_progress_bar()
    library.set_verbosity_error()
    try:
        yield
    finally:
        library.set_verbosity(verbosity)
        if progress_bar:
            library.enable_progress_bar()
