"""A failure that may pass is no figure of its own: it is told, tried again, and refused where nothing else is there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.run.test_damage import LINKER, PGD, content, run

from robustmel.errors import RobustMELError
from robustmel.report import build
from robustmel.run.interrupt import Interrupted
from robustmel.run.jobs import Job
from robustmel.run.listener import ProgressListener
from robustmel.run.local_processes import threads

SERVED = '''
import os
from pathlib import Path
from {stem} import ColourLinker


class Served(ColourLinker):
    """Answers while its server does: a file says how many texts it refuses."""

    def _asked(self, queries, file="down"):
        down = Path({folder!r}) / file
        if down.exists() and any(down.read_text() in query.text for query in queries):
            raise ConnectionError("no server at port 80")

    def link(self, queries, task):
        self._asked(queries)
        return super().link(queries, task)

    def logits(self, pixels, queries, task="I2T"):
        if pixels.requires_grad:
            self._asked(queries)
            self._asked(queries, "down for gradients")
        return super().logits(pixels, queries, task)
'''


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.syspath_prepend(str(Path(LINKER).parent))
    (tmp_path / "served.py").write_text(SERVED.format(stem=Path(LINKER).stem, folder=str(tmp_path)))
    return {"linkers": [{"name": f"{tmp_path / 'served.py'}:Served", "label": "served"}]}


def test_a_linker_that_fails_on_every_mention_gives_no_figure(colour_data: Path, tmp_path: Path, served: Any) -> None:
    (tmp_path / "down").write_text("flag")
    for _ in range(2):
        with pytest.raises(
            RobustMELError, match=r"linker served failed on every mention; the first: linker: ConnectionError: no"
        ):
            run(colour_data, tmp_path, **served, attacks=["clean"])
    (tmp_path / "down").unlink()
    assert run(colour_data, tmp_path, **served, attacks=["clean"]).errors == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_rows_that_failed_are_tried_again_by_the_same_command(
    colour_data: Path, tmp_path: Path, served: Any, workers: int
) -> None:
    (tmp_path / "down").write_text("number 7.")
    first = run(colour_data, tmp_path, **served)
    assert first.errors == 3  # the clean answer, the attack, and the answer to it
    assert (first.retried, first.made) == (0, 4)
    assert any('served: "linker: ConnectionError: no server at port 80"' in note for note in build(tmp_path / "out").run.notes)
    (tmp_path / "down").unlink()
    second = run(colour_data, tmp_path, workers, **served)
    assert (second.retried, second.errors) == (3, 0)
    work = json.loads((tmp_path / "out" / "run.json").read_text())["work"]
    assert work == {"retried": 3, "workers": workers, "threads": threads(workers)}
    assert run(colour_data, tmp_path, workers, **served).made == 0
    run(colour_data, tmp_path / "sound", **served)
    assert content(tmp_path / "store") == content(tmp_path / "sound" / "store")


def test_answers_to_a_set_that_was_tried_again_are_made_anew(colour_data: Path, tmp_path: Path, served: Any) -> None:
    """They read its own image of the mention that could not be attacked, and had no error themselves."""
    (tmp_path / "down for gradients").write_text("number 7.")
    assert run(colour_data, tmp_path, **served).errors == 1
    (tmp_path / "down for gradients").unlink()
    again = run(colour_data, tmp_path, **served)
    assert (again.retried, again.made, again.errors) == (1, 2, 0)
    run(colour_data, tmp_path / "sound", **served)
    assert content(tmp_path / "store") == content(tmp_path / "sound" / "store")


def test_what_lies_in_the_data_is_not_tried_again(colour_data: Path, tmp_path: Path) -> None:
    (colour_data / "images" / "3.png").unlink()
    assert run(colour_data, tmp_path).errors == 2
    again = run(colour_data, tmp_path)
    assert (again.made, again.retried, again.errors) == (0, 0, 2)


class StopsAtTheSecondSet(ProgressListener):
    def __init__(self) -> None:
        self.sets = 0

    def begun(self, job: Job) -> None:
        self.sets += job.kind == "variant"

    def advanced(self, job: Job, done: int, of: int) -> None:
        if self.sets == 2 and done == 2:
            raise Interrupted


@pytest.mark.parametrize(("keep", "stay"), [("none", 0), ("sample", 2 * 18)])
def test_what_is_to_be_kept_is_remembered_over_an_interruption(colour_data: Path, tmp_path: Path, keep: str, stay: int) -> None:
    two = [PGD, {**PGD, "eps": 0.3, "label": "weak"}]
    with pytest.raises(Interrupted):
        run(colour_data, tmp_path, listener=StopsAtTheSecondSet(), attacks=two, keep=keep)
    run(colour_data, tmp_path, attacks=two, keep=keep)
    assert len(list((tmp_path / "store").glob("variant/*/*/images/*"))) == stay
    assert not (tmp_path / "out" / "prune.txt").exists()
    assert build(tmp_path / "out").summaries


def test_another_limit_is_not_called_another_data_set(
    colour_data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(colour_data, tmp_path, attacks=["clean"])
    run(colour_data, tmp_path, attacks=["clean"], limit=5)
    assert [message.split(" has changed")[0] for message in caplog.messages] == ["sample of colours"]
    assert "limit" in caplog.text
