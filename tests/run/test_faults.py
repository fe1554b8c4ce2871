"""What goes wrong in the middle must neither be kept as a result nor cost one."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.warm_python import start

from robustmel.errors import MissingError, RobustMELError, UsageError
from robustmel.run.builder import Builder
from robustmel.run.expand import expand
from robustmel.run.grid import parse_grid
from robustmel.run.interrupt import Interrupted
from robustmel.run.jobs import Job
from robustmel.run.listener import ProgressListener
from robustmel.run.publish import publish
from robustmel.run.runs import run_grid
from robustmel.run.stages import perturb_images as stage
from robustmel.run.store import Store

LINKER = str(Path(__file__).parent / "colour_linker.py")
PGD = {"name": "pgd", "eps": 0.6, "step_size": 0.1, "steps": 3}


def table(data: Path, **change: Any) -> dict[str, Any]:
    base = {"datasets": [{"name": "jsonl", "path": str(data)}], "linkers": [f"{LINKER}:ColourLinker"], "tasks": ["I2T"]}
    return {**base, "attacks": [PGD], "batch_size": 4, **change}


class StopsAt(ProgressListener):
    """Interrupts the making of an artefact of this kind when two of its shards are done."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def advanced(self, job: Job, done: int, of: int) -> None:
        if job.kind == self.kind and 2 <= done < of:
            raise Interrupted


def run(data: Path, folder: Path, listener: ProgressListener | None = None, **change: Any) -> Any:
    return run_grid(
        parse_grid(table(data, **change)), folder / "out", Store(folder / "store"), 1, "cpu", listener or ProgressListener()
    )


def test_another_batch_size_after_an_interruption_loses_and_repeats_nothing(colour_data: Path, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        run(colour_data, tmp_path, StopsAt("answers"), attacks=["clean"])
    assert list((tmp_path / "store").glob("answers/*/*.partial/shards/*.parquet"))
    run(colour_data, tmp_path, attacks=["clean"], batch_size=3)
    (answers,) = (tmp_path / "store").glob("answers/*/*/answers.parquet")
    (questions,) = (tmp_path / "store").glob("candidates/*/*/candidates.parquet")
    assert pq.read_table(answers)["id"].to_pylist() == pq.read_table(questions)["id"].to_pylist()


def test_a_torn_piece_is_done_again(colour_data: Path, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        run(colour_data, tmp_path, StopsAt("variant"))
    torn = sorted((tmp_path / "store").glob("variant/*/*.partial/shards/*.parquet"))[0]
    torn.write_bytes(torn.read_bytes()[:100])
    assert run(colour_data, tmp_path).errors == 0


def test_a_full_disk_under_an_attack_is_no_result(colour_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, picture: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(stage, "write_png", full)
    with pytest.raises(MissingError, match="no space left"):
        run(colour_data, tmp_path)
    assert not list((tmp_path / "store").glob("variant/*/*/manifest.json"))
    monkeypatch.undo()
    assert run(colour_data, tmp_path).errors == 0


def test_an_attack_that_fails_on_every_image_is_no_result(colour_data: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text(
        Path(LINKER)
        .read_text()
        .replace(
            'task: Task = "I2T") -> torch.Tensor:',
            'task: Task = "I2T") -> torch.Tensor:\n        assert not pixels.requires_grad, "no gradients today"',
        )
    )
    with pytest.raises(RobustMELError, match="failed on every mention; the first: AssertionError: no gradients today"):
        run(colour_data, tmp_path, linkers=[f"{broken}:ColourLinker"])
    assert not list((tmp_path / "store").glob("variant/*/*/manifest.json"))


def test_parameters_of_a_plug_in_are_in_its_key_whatever_they_are_called(colour_data: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(Path(LINKER).read_text().replace("pause: float = 0.0", "pause: float = 0.0, model: str = ''"))
    linkers = [{"name": f"{file}:ColourLinker", "model": model, "label": model} for model in ("good", "bad")]
    plan = expand(parse_grid(table(colour_data, linkers=linkers, attacks=["clean"])), Builder(Store(tmp_path / "store"), "cpu"))
    assert len({planned.evaluations[0].answers.key for planned in plan.cells}) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"candidates": {"name": "prior", "k": 0}}, "candidates: "),
        ({"linkers": [{"name": "clip", "model": 5}]}, "model = 5; expected text"),
        ({"attacks": [{"name": "pgd", "steps": "many"}]}, "steps"),
        (
            {"tasks": ["IT2T"], "attacks": [{**PGD, "source": "only-images"}]},
            "reads the fused view, task IT2T, of source only-images",
        ),
    ],
)
def test_wrong_values_are_told_before_anything_is_made(colour_data: Path, tmp_path: Path, change: Any, said: str) -> None:
    file = tmp_path / "mine.py"
    file.write_text(Path(LINKER).read_text().replace('tasks = ("I2T", "IT2T", "T2T")', 'tasks = ("I2T",)'))
    if "source" in str(change):
        change = {**change, "linkers": [f"{LINKER}:ColourLinker"]}
        change["attacks"][0]["source"] = f"{file}:ColourLinker"
        said = "reads the fused view, task IT2T, of source ColourLinker"
    with pytest.raises(UsageError, match=said):
        run(colour_data, tmp_path, **change)
    assert not (tmp_path / "store").exists()


def test_two_data_sets_of_one_name_are_told_apart(colour_data: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "colours").symlink_to(colour_data)
    twice = [{"name": "jsonl", "path": str(path)} for path in (colour_data, tmp_path / "other" / "colours")]
    with pytest.raises(UsageError, match='two data sets are called "colours"'):
        run(colour_data, tmp_path, datasets=twice)


def test_dropped_images_are_made_again_to_be_published(colour_data: Path, tmp_path: Path) -> None:
    run(colour_data, tmp_path, keep="none")
    assert not list((tmp_path / "store").glob("variant/*/*/images/*.png"))
    for limit in (None, 5):
        grid = parse_grid(table(colour_data) if limit is None else table(colour_data, limit=limit))
        publish(grid, tmp_path / "published", Store(tmp_path / "store"), 1, "cpu", ProgressListener())
        mentions = [json.loads(line) for line in (tmp_path / "published" / "mentions.jsonl").read_text().splitlines()]
        assert len(mentions) == len(list((tmp_path / "published" / "images").iterdir())) == (limit or 18)
        assert all((tmp_path / "published" / mention["image"]).is_file() for mention in mentions)
        assert pq.read_table(tmp_path / "published" / "log.parquet")["mention_id"].to_pylist() == [
            one["id"] for one in mentions
        ]
    with pytest.raises(UsageError, match="nothing to publish"):
        publish(
            parse_grid(table(colour_data, attacks=["clean"])),
            tmp_path / "p",
            Store(tmp_path / "store"),
            1,
            "cpu",
            ProgressListener(),
        )


def test_an_interrupted_publication_goes_on(colour_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from robustmel.run import publish as module

    def killed(*_: Any) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_line", killed)
    arguments = (
        parse_grid(table(colour_data)),
        tmp_path / "published",
        Store(tmp_path / "store"),
        1,
        "cpu",
        ProgressListener(),
    )
    with pytest.raises(KeyboardInterrupt):
        publish(*arguments)
    monkeypatch.undo()
    publish(*arguments)
    assert json.loads((tmp_path / "published" / "perturbation.json").read_text())["complete"]


@pytest.mark.parametrize("odd", ["pipe", "device", "folder"])
def test_an_image_that_is_no_file_is_missing_and_nobody_waits_for_it(colour_data: Path, tmp_path: Path, odd: str) -> None:
    image = colour_data / "images" / "3.png"
    image.unlink()
    {"pipe": lambda: os.mkfifo(image), "device": lambda: image.symlink_to("/dev/zero"), "folder": image.mkdir}[odd]()
    assert run(colour_data, tmp_path, attacks=["clean"]).errors == 1


def test_a_second_interrupt_stops_at_once_with_workers_too(colour_data: Path, tmp_path: Path) -> None:
    (tmp_path / "grid.toml").write_text(
        f'datasets = [{{name = "jsonl", path = "{colour_data}"}}]\ntasks = ["I2T"]\nattacks = ["pgd"]\n'
        f'linkers = [{{name = "{LINKER}:ColourLinker", pause = 200.0}}]\n'
    )
    command = ["-m", "robustmel", "run", "grid.toml", "--workers", "2", "--device", "cpu"]
    environment = os.environ | {"COLOUR_LINKER_CALLS": str(tmp_path / "calls"), "OMP_NUM_THREADS": "1"}
    process = start(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE)
    for _ in range(1500):
        if list(tmp_path.glob(".robustmel/variant/*/*.partial/shards")):
            break
        time.sleep(0.05)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    time.sleep(2)
    assert process.poll() is None, "the first interrupt waits for the batch"
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130


@pytest.mark.parametrize(
    ("name", "said"),
    [("Leaves", "leaves its budget: linf 0.03529 in 8 bits, where 8/255"), ("Black", "leaves its budget: linf")]
    + [("NotFinite", "failed on every mention.*must be finite"), ("Bare", "must return a .*Perturbation, not a Tensor")]
    + [("Nothing", "not a NoneType"), ("Overwrites", "leaves its budget"), ("NoBudget", "budget and threat_model must be text")]
    + [("Far", "leaves its budget: l2 .*, where 0.5 is allowed"), ("Unpriced", r"passes\(\) raises RuntimeError: no price")]
    + [("Lacking", "linf of its Perturbation must be a tensor with a value an image"), ("Listed", "note .* must be text")]
    + [(name, "must be float32 with the shape") for name in ("Bytes", "Double", "Array", "Fewer")],
)  # fmt: skip
def test_no_figure_of_an_attack_that_hands_back_the_wrong_thing(
    name: str, said: str, colour_data: Path, tmp_path: Path
) -> None:
    attack = f"{Path(__file__).parent / 'odd_attacks.py'}:{name}"
    with pytest.raises(RobustMELError, match=f"{name}.*{said}"):
        run(colour_data, tmp_path, attacks=[attack])
    assert run(colour_data, tmp_path, attacks=[attack.replace(name, "Shift")]).made


def test_a_text_attack_that_hands_back_no_edits_is_told(colour_data: Path, tmp_path: Path) -> None:
    attack = f"{Path(__file__).parent / 'odd_attacks.py'}:Texts"
    with pytest.raises(RobustMELError, match="must return a list of robustmel.types.TextEdit, not a list of str"):
        run(colour_data, tmp_path, attacks=[attack], tasks=["T2T"])


STEPS = ("variant", '[{name = "pgd", steps = 500}]', 0.5)
SLEEP = ("answers", '["clean"]', 200.0)


@pytest.mark.parametrize(
    ("long", "how", "workers"),
    [(STEPS, signal.SIGTERM, "1"), (STEPS, signal.SIGINT, "2"), (SLEEP, signal.SIGTERM, "1")],
    ids=["steps-1", "steps-2", "link-1"],
)
def test_an_interrupt_ends_within_a_long_batch(
    long: tuple[str, str, float], how: signal.Signals, workers: str, colour_data: Path, tmp_path: Path
) -> None:
    kind, attacks, pause = long
    (tmp_path / "grid.toml").write_text(
        f'datasets = [{{name = "jsonl", path = "{colour_data}"}}]\ntasks = ["I2T"]\nattacks = {attacks}\n'
        f'linkers = [{{name = "{LINKER}:ColourLinker", pause = {pause}}}]\n'
    )
    command = ["-m", "robustmel", "run", "grid.toml", "--workers", workers, "--device", "cpu"]
    environment = os.environ | {"COLOUR_LINKER_CALLS": str(tmp_path / "calls"), "OMP_NUM_THREADS": "1"}
    process = start(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE)
    for _ in range(1500):
        if list(tmp_path.glob(f".robustmel/{kind}/*/*.partial/shards")):
            break
        time.sleep(0.05)
    time.sleep(1)
    began = time.monotonic()
    process.send_signal(how)
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - began < 20, "the batch takes minutes"
    assert (process.returncode, "Traceback" in said) == (130, False), said
    assert "run the same command to continue" in said
