"""The folder of a trained GEMEL: its feature mapper, what it was trained between, and its pool of demonstrations."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from robustmel.errors import MissingError, UsageError
from robustmel.linkers.gemel.demo_embeddings import EMBEDDINGS, DemoEmbeddings
from robustmel.linkers.loading import first_line
from robustmel.linkers.weights import EMBEDDED, WORLD, model_folder, read_json, weight_files
from robustmel.parameters import wrong_values
from robustmel.registry import suggestion

SETTINGS, MAPPER, DEMOS, FEATURES = "gemel.json", "mapper.safetensors", "demos.jsonl", "demo_features.safetensors"

PLACES = "frozen.json"
"""Where the frozen models lie; no content key reads it, as they may move."""

VERSION = 1
"""Of the folder's layout."""

FROZEN = ("vision", "language_model", "demo_encoder")
"""What of the settings names frozen models: it stands in `PLACES`, or as in older folders in `SETTINGS`."""


@dataclass(frozen=True)
class Settings:
    """What a feature mapper was trained between.

    Args:
        vision: The frozen vision encoder: a folder, a hub id, or `world:NAME`. A relative folder is looked for first in the folder of
            the settings, then in the working directory. "" where stored features were learnt from.
        language_model: The frozen language model: the same.
        visual_prefix_length: Embeddings that an image becomes.
        prompt: Version of the prompt.
        demo_encoder: The sentence encoder by which demonstrations are chosen: the same; "" is the vision encoder's text tower.
        demos: Demonstrations in a training prompt; what a linker shows unless it is told another number.
    """

    vision: str
    language_model: str
    visual_prefix_length: int = 4
    prompt: int = 1
    demo_encoder: str = ""
    demos: int = 16

    def encoder_files(self) -> tuple[Path, ...]:
        """Those that decide which demonstrations are near."""
        return weight_files(self.demo_encoder or self.named_vision())

    def named_vision(self) -> str:
        """The vision encoder.

        Raises:
            UsageError: There is none, as stored features were learnt from.
        """
        if not self.vision:
            raise UsageError(
                'this GEMEL was trained on stored features without a vision encoder; give it features = "FILE.hdf5", with dense '
                "demonstrations also a demo_encoder, or name the encoder that made the features: vision = ..."
            )
        return self.vision

    def files(self, features: str | None, demo_choice: str) -> tuple[Path, ...]:
        """The files of the frozen models that are read, `features` being read in place of the vision encoder.

        Raises:
            MissingError: One is not there.
        """
        images = weight_files(self.named_vision()) if features is None else (Path(features).expanduser(),)
        texts = () if features is not None and demo_choice != "dense" else self.encoder_files()
        return (*dict.fromkeys((*images, *texts)), *weight_files(self.language_model))


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

    def compared(self, by: str) -> str:
        """What is compared with a query's: its "mention", or its "sentence"."""
        return self.mention if by == "mention" else self.text


@dataclass(frozen=True)
class GemelCheckpoint:
    """What lies in the folder.

    Args:
        settings: What the mapper was trained between.
        mapper: From features to `visual_prefix_length` embeddings in a row.
        demos: The pool.
        features: float32 (M, width): of the pool's images.
        embeddings: Of the pool's texts, where demonstrations were chosen by them in training.
    """

    settings: Settings
    mapper: nn.Linear
    demos: Sequence[Demo]
    features: Tensor
    embeddings: DemoEmbeddings | None = None

    def check_fits(self, model: str, vision_width: int, lm_width: int) -> None:
        """Compares the mapper with the frozen models around it.

        Raises:
            UsageError: They are of other widths.
        """
        mapper, length = self.mapper, self.settings.visual_prefix_length
        if (mapper.in_features, mapper.out_features) != (vision_width, length * lm_width):
            raise UsageError(
                f"{model}: its mapper makes {mapper.out_features} numbers of {mapper.in_features}, but an image's features are "
                f"{vision_width} and the language model takes {length} x {lm_width}; use the parts it was trained with."
            )

    def write(self, folder: Path) -> None:
        """Writes the files; features in half precision."""
        folder.mkdir(parents=True, exist_ok=True)
        settings = {"version": VERSION, **asdict(self.settings)}
        places = {name: settings.pop(name) for name in FROZEN}
        for name, values in ((PLACES, places), (SETTINGS, settings)):
            (folder / name).write_text(json.dumps(values, indent=1) + "\n", "utf-8")
        save_file({name: value.contiguous() for name, value in self.mapper.state_dict().items()}, folder / MAPPER)
        save_file({"features": self.features.half()}, folder / FEATURES)
        write_demos(self.demos, folder / DEMOS)
        if self.embeddings is not None:
            self.embeddings.write(folder)
        for name in (MAPPER, FEATURES, EMBEDDINGS)[: 2 + (self.embeddings is not None)]:  # the library keeps them to one user
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
    folder = gemel_folder(model)
    return tuple(file for name in (DEMOS, EMBEDDINGS, FEATURES, SETTINGS, MAPPER) if (file := folder / name).is_file())


def read_settings(model: str, **others: str | None) -> Settings:
    """What the mapper in a folder was trained between.

    Args:
        model: The folder, or `world:NAME`.
        others: Frozen models to use instead of those it was trained with.

    Raises:
        MissingError: The folder is not complete, its settings are no settings, or a frozen model is not there.
    """
    folder = gemel_folder(model)
    file = folder / SETTINGS
    values, places = read_json(file), read_json(folder / PLACES) if (folder / PLACES).is_file() else {}
    if values.pop("version", VERSION) != VERSION:
        raise MissingError(f"{file} was written by another version of robustmel; train it again.")
    values |= places
    problems = wrong_values(Settings, values)
    try:
        settings = Settings(**values)
    except TypeError as problem:
        problems.append(str(problem).removeprefix("Settings.__init__() "))
    if problems:
        raise MissingError(f"{file} holds no settings of GEMEL ({problems[0]}); train it again.")
    given = {name: value for name, value in others.items() if value is not None}
    for name in (name for name in FROZEN if name not in given and values.get(name)):
        stated = values[name]
        given[name] = str(folder / stated) if (folder / stated).is_dir() else stated
        try:
            model_folder(given[name])
        except MissingError as problem:
            named_in = folder / PLACES if name in places else file
            raise MissingError(f'{named_in} names {name} = "{stated}": {problem}') from problem
    return replace(settings, **given)  # type: ignore[arg-type]


def read_checkpoint(model: str, **others: str | None) -> GemelCheckpoint:
    """All of a trained GEMEL's folder.

    Args:
        model: As for `read_settings`, like the next.
        others: Likewise.

    Raises:
        MissingError: A file is absent or damaged, or a demonstration names a row of features that is not there.
    """
    folder, settings = gemel_folder(model), read_settings(model, **others)
    try:
        weights, features = load_file(folder / MAPPER), load_file(folder / FEATURES)["features"].float()
        outputs, inputs = weights["weight"].shape
        mapper = nn.Linear(inputs, outputs)
        mapper.load_state_dict({name: value.float() for name, value in weights.items()})
        demos = read_demos(folder / DEMOS)
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as problem:
        raise MissingError(f"{folder} holds no GEMEL that can be read: {first_line(problem)}. Train it again.") from problem
    if features.ndim != 2 or features.shape[1] != inputs:
        raise MissingError(
            f"{folder}: {FEATURES} has the shape {tuple(features.shape)} and the mapper reads {inputs} numbers an image; both must "
            "come from one training."
        )
    check_rows(demos, features, folder)
    embeddings = DemoEmbeddings.read(folder)
    if embeddings is not None:
        embeddings.check([demo.compared(embeddings.compared) for demo in demos], folder)
    return GemelCheckpoint(settings, mapper.requires_grad_(False), demos, features, embeddings)


def read_demos(file: Path) -> list[Demo]:
    """Demonstrations, one JSON object a line."""
    return [_demo(line) for line in file.read_text("utf-8").split("\n") if line]


def write_demos(demos: Iterable[Demo], file: Path) -> None:
    """Writes what `read_demos` reads."""
    file.write_text("".join(f"{json.dumps(asdict(demo), ensure_ascii=False)}\n" for demo in demos), "utf-8")


def check_rows(demos: Sequence[Demo], features: Tensor, place: Path) -> None:
    """Whether all images of demonstrations have features.

    Raises:
        MissingError: One has none.
    """
    odd = next((demo.image for demo in demos if not -1 <= demo.image < len(features)), None)
    if odd is not None:
        raise MissingError(
            f"{place}: a demonstration names row {odd} of {FEATURES}, which has {len(features)}; both must come from one training."
        )


def _demo(line: str) -> Demo:
    values = json.loads(line)
    demo = Demo(**values)
    if problems := wrong_values(Demo, values):
        raise ValueError(f"a line of {DEMOS} has {problems[0]}")
    return demo


def blank(width: int) -> Tensor:
    """The features of a mention without an image: zeros, (1, width)."""
    return torch.zeros(1, width)
