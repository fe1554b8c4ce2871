"""A training that is killed, wherever that is, ends with the bytes of one that was not."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

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
from robustmel.training.checkpoint import train
place, number, out = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
module, name = place.rsplit(".", 1)
whole, calls = getattr(import_module(module), name), []
def counted(*given, **named):
    calls.append(1)
    if len(calls) == number:
        if name == "save_file":
            Path(given[1]).write_bytes(b"0" * 40)
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(*given, **named)
setattr(import_module(module), name, counted)
datasets, recipe = pickle.loads(Path(sys.argv[4]).read_bytes())
train(datasets, recipe, out)
"""


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("kill", KILLS)
def test_a_kill_at_any_point_changes_no_byte(kill: str, cards: Dataset, recipe: DualEncoderRecipe, tmp_path: Path) -> None:
    recipe = replace(recipe, epochs=2)
    train([cards], recipe, tmp_path / "whole")
    (tmp_path / "asked").write_bytes(pickle.dumps(([cards], recipe)))
    place, number = KILLS[kill]
    command = [sys.executable, "-c", KILLED, place, str(number), str(tmp_path / "cut"), str(tmp_path / "asked")]
    done = subprocess.run(command, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == -signal.SIGKILL
    train([cards], recipe, tmp_path / "cut")
    assert content(tmp_path / "cut") == content(tmp_path / "whole")


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
