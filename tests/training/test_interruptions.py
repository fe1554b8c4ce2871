"""A training that is killed, wherever that is, ends with the bytes of one that was not."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from tests import warm_python

from robustmel.datasets.dataset import Dataset
from robustmel.errors import MissingError, UsageError
from robustmel.training.checkpoint import train
from robustmel.training.dual_encoder_recipe import DualEncoderRecipe
from robustmel.training.state import STATE

KILLS = {
    "while the first state is written": ("robustmel.training.state.save_file", 1),
    "in the first epoch": ("robustmel.training.dual_encoder.batch_loss", 3),
    "in the second epoch": ("robustmel.training.dual_encoder.batch_loss", 6),
    "while a later state is written": ("robustmel.training.state.save_file", 3),
    "before the weights are published": ("robustmel.training.publish.save_file", 1),
    "before the card is written": ("robustmel.training.card.card", 1),
}
"""Function before whose n-th call the process is killed, for 4 batches an epoch."""

KILLED = """
import os, pickle, signal, sys
from importlib import import_module
from pathlib import Path
from transformers import CLIPConfig, CLIPModel, PreTrainedTokenizerFast  # once for all children
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from robustmel.training.checkpoint import train

datasets, recipe = pickle.loads(Path(sys.argv[1]).read_bytes())

def killed(place, number, out):
    module, name = place.rsplit(".", 1)
    whole, calls = getattr(import_module(module), name), []
    def counted(*given, **named):
        calls.append(1)
        if len(calls) == int(number):
            if name == "save_file":
                Path(given[1]).write_bytes(b"0" * 40)
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(*given, **named)
    setattr(import_module(module), name, counted)
    train(datasets, recipe, Path(out))

for place, number, out in zip(*[iter(sys.argv[2:])] * 3):
    child = os.fork()  # a process of its own for each, without its seconds of imports; this one has started no threads
    if not child:
        killed(place, number, out)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL, place
"""


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_kill_at_any_point_changes_no_byte(cards: Dataset, recipe: DualEncoderRecipe, tmp_path: Path) -> None:
    recipe = replace(recipe, epochs=2)
    train([cards], recipe, tmp_path / "whole")
    (tmp_path / "asked").write_bytes(pickle.dumps(([cards], recipe)))
    kills = [(*kill, str(tmp_path / name)) for name, kill in KILLS.items()]
    warm_python.run(["-c", KILLED, str(tmp_path / "asked"), *(str(word) for kill in kills for word in kill)], check=True)
    for name in KILLS:
        train([cards], recipe, tmp_path / name)
        assert content(tmp_path / name) == content(tmp_path / "whole"), name


def test_a_folder_with_files_of_another_kind_is_left_alone(cards: Dataset, recipe: DualEncoderRecipe, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds no training"):
        train([cards], recipe, tmp_path)
    assert content(tmp_path) == {"notes.txt": b"mine"}


def test_the_state_is_the_first_file(cards: Dataset, recipe: DualEncoderRecipe, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="learning_rate"):  # in the first epoch
        train([cards], replace(recipe, learning_rate=1e30, warm_up=0.0, epochs=1), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [STATE]


def test_a_seed_of_its_own_replaces_the_recipe_s(cards: Dataset, recipe: DualEncoderRecipe, tmp_path: Path) -> None:
    train([cards], replace(recipe, epochs=1), tmp_path / "given", seed=4)
    train([cards], replace(recipe, epochs=1, seed=4), tmp_path / "own")
    assert content(tmp_path / "given") == content(tmp_path / "own")


def test_a_full_disk_while_publishing_is_one_sentence_and_no_loss(
    cards: Dataset, recipe: DualEncoderRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: object, **named: object) -> None:
        raise OSError(28, "No space left on device")

    recipe = replace(recipe, epochs=1)
    with monkeypatch.context() as patched:
        patched.setattr("robustmel.training.publish.save_file", full)
        with pytest.raises(MissingError, match="No space left"):
            train([cards], recipe, tmp_path / "cut")
    epochs: list[object] = []
    train([cards], recipe, tmp_path / "cut", on_epoch=epochs.append)
    assert epochs == []  # only what was not written is done again
    train([cards], recipe, tmp_path / "whole")
    assert content(tmp_path / "cut") == content(tmp_path / "whole")
