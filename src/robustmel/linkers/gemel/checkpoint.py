"""The folder of a trained GEMEL: its feature mapper, what it was trained between, and its pool of demonstrations."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from robustmel.errors import MissingError
from robustmel.linkers.weights import EMBEDDED, WORLD, read_json
from robustmel.registry import suggestion

SETTINGS, MAPPER, DEMOS, FEATURES = "gemel.json", "mapper.safetensors", "demos.jsonl", "demo_features.safetensors"


@dataclass(frozen=True)
class Settings:
    """What a feature mapper was trained between.

    Args:
        vision: The frozen vision encoder.
        language_model: The frozen language model.
        visual_prefix_length: Embeddings that an image becomes.
        prompt: Version of the prompt.
    """

    vision: str
    language_model: str
    visual_prefix_length: int = 4
    prompt: int = 1


@dataclass(frozen=True)
class Demo:
    """A training mention that may be shown as an example.

    Args:
        mention: Its surface.
        text: Its sentence.
        name: Of its entity.
        image: Row of its image's features; -1 without one.
        id: Opaque id of the mention it comes from; "" where it has none.
    """

    mention: str
    text: str
    name: str
    image: int = -1
    id: str = ""


@dataclass(frozen=True)
class GemelCheckpoint:
    """What lies in the folder.

    Args:
        settings: What the mapper was trained between.
        mapper: From features to `visual_prefix_length` embeddings in a row.
        demos: The pool.
        features: float32 (M, width): of the pool's images.
    """

    settings: Settings
    mapper: nn.Linear
    demos: Sequence[Demo]
    features: Tensor

    def write(self, folder: Path) -> None:
        """Writes the four files; features in half precision."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / SETTINGS).write_text(json.dumps(asdict(self.settings), indent=1) + "\n", "utf-8")
        save_file({name: value.contiguous() for name, value in self.mapper.state_dict().items()}, folder / MAPPER)
        save_file({"features": self.features.half()}, folder / FEATURES)
        lines = (json.dumps(asdict(demo), ensure_ascii=False) for demo in self.demos)
        (folder / DEMOS).write_text("".join(f"{line}\n" for line in lines), "utf-8")
        for name in (MAPPER, FEATURES):  # the library keeps its files from all other users
            (folder / name).chmod((folder / SETTINGS).stat().st_mode)


def gemel_folder(model: str) -> Path:
    """The folder of a trained GEMEL: a local one, or `world:NAME`.

    Raises:
        MissingError: There is none of that name, or it is not complete.
    """
    folder = EMBEDDED / model.removeprefix(WORLD) if model.startswith(WORLD) else Path(model).expanduser()
    absent = [name for name in (SETTINGS, MAPPER, DEMOS, FEATURES) if not (folder / name).is_file()]
    if absent:
        known = {f"{WORLD}{path.parent.name}": path for path in EMBEDDED.glob(f"*/{SETTINGS}")}
        hint = f" {suggestion(model, known)}" if model.startswith(WORLD) else ""
        raise MissingError(f"{model} is no trained GEMEL: it has no {absent[0]}; robustmel train gemel makes one.{hint}")
    return folder


def gemel_files(model: str) -> tuple[Path, ...]:
    """The files that decide its answers, beside those of the vision encoder and the language model."""
    return tuple(gemel_folder(model) / name for name in (DEMOS, FEATURES, SETTINGS, MAPPER))


def read_settings(model: str) -> Settings:
    """What the mapper in a folder was trained between.

    Raises:
        MissingError: The folder is not complete, or its settings are no settings.
    """
    file = gemel_folder(model) / SETTINGS
    try:
        return Settings(**read_json(file))
    except TypeError as problem:
        raise MissingError(f"{file} holds no settings of GEMEL: {problem}.") from problem


def read_checkpoint(model: str) -> GemelCheckpoint:
    """All of a trained GEMEL's folder.

    Raises:
        MissingError: A file is absent or damaged, or a demonstration names a row of features that is not there.
    """
    folder, settings = gemel_folder(model), read_settings(model)
    try:
        weights, features = load_file(folder / MAPPER), load_file(folder / FEATURES)["features"].float()
        mapper = nn.Linear(weights["weight"].shape[1], weights["weight"].shape[0])
        mapper.load_state_dict({name: value.float() for name, value in weights.items()})
        demos = [Demo(**json.loads(line)) for line in (folder / DEMOS).read_text("utf-8").splitlines()]
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as problem:
        raise MissingError(f"{folder} holds no GEMEL that can be read: {problem}. Train it again.") from problem
    largest = max((demo.image for demo in demos), default=-1)
    if largest >= len(features):
        raise MissingError(
            f"{folder}: a demonstration names row {largest} of {FEATURES}, which has {len(features)}; both must come from one training."
        )
    return GemelCheckpoint(settings, mapper.requires_grad_(False), demos, features)


def blank(width: int) -> Tensor:
    """The features of a mention without an image: zeros, (1, width)."""
    return torch.zeros(1, width)
