"""What lies in the store and is not as it was written does not exist: `run` makes it anew, `report` refuses it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from robustmel.errors import MissingError
from robustmel.report import build
from robustmel.run.builder import Builder
from robustmel.run.estimate import outline
from robustmel.run.expand import expand
from robustmel.run.grid import parse_grid
from robustmel.run.interrupt import Interrupted
from robustmel.run.jobs import Job
from robustmel.run.listener import ProgressListener
from robustmel.run.runs import Finished, run_grid
from robustmel.run.store import Store

LINKER = str(Path(__file__).parent / "colour_linker.py")
PGD = {"name": "pgd", "eps": 0.6, "step_size": 0.1, "steps": 3, "label": "pgd"}
Damage = Callable[[Path], None]


def run(data: Path, folder: Path, workers: int = 1, listener: ProgressListener | None = None, **change: Any) -> Finished:
    table = {"datasets": [{"name": "jsonl", "path": str(data)}], "linkers": [{"name": f"{LINKER}:ColourLinker", "label": "c"}]}
    grid = parse_grid({**table, "tasks": ["I2T"], "attacks": [PGD], "batch_size": 4, **change})
    return run_grid(grid, folder / "out", Store(folder / "store"), workers, "cpu", listener or ProgressListener())


def content(store: Path) -> dict[str, Any]:
    """Everything in the store that is not a time: bytes of images, rows of tables without their seconds, manifests without times."""
    found: dict[str, Any] = {}
    for path in sorted(store.rglob("*")):
        name = path.relative_to(store).as_posix()
        if path.suffix == ".png":
            found[name] = path.read_bytes()
        elif path.suffix == ".parquet":
            found[name] = [
                {key: value for key, value in row.items() if key != "seconds"} for row in pq.read_table(path).to_pylist()
            ]
        elif path.name == "manifest.json":
            said = json.loads(path.read_text())
            found[name] = {key: value for key, value in said.items() if key not in ("seconds", "seal", "checksums")}
        elif path.name == "checksums.txt":
            found[name] = [line.split()[1] for line in path.read_text().splitlines()]
    return found


def images(store: Path) -> list[Path]:
    return sorted(store.glob("variant/*/*/images/*.png"))


def one_byte(path: Path) -> None:
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)


def byte_of_an_image(store: Path) -> None:
    one_byte(images(store)[3])


def images_swapped(store: Path) -> None:
    pictures = images(store)
    for one, two in zip(pictures[::2], pictures[1::2], strict=False):
        aside = one.with_suffix(".aside")
        one.rename(aside)
        two.rename(one)
        aside.rename(two)


def images_grey(store: Path) -> None:
    for path in images(store):
        shape = np.asarray(Image.open(path)).shape
        Image.fromarray(np.full(shape, 128, np.uint8)).save(path)


def image_deleted(store: Path) -> None:
    images(store)[0].unlink()


def table_of(kind: str, name: str, change: Damage) -> Damage:
    return lambda store: change(sorted(store.glob(f"{kind}/*/*/{name}"))[0])


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def other_answers(path: Path) -> None:
    """A sound table in which the first answer of every row is another."""
    table = pq.read_table(path)
    rows = [row | {"ranked": row["ranked"][::-1]} for row in table.to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)


def misaligned(path: Path) -> None:
    table = pq.read_table(path)
    pq.write_table(table.slice(1), path)


def manifest_says(text: str) -> Damage:
    return lambda path: path.write_text(text) and None


def link_to(target: str) -> Damage:
    def change(path: Path) -> None:
        path.unlink()
        path.symlink_to(target)

    return change


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def moved_away(store: Path) -> None:
    """A link stands where an artefact's folder was, and what it leads to is not as it was written."""
    folder, aside = sorted(store.glob("answers/*/*"))[0], store.parent / "aside"
    shutil.move(folder, aside)
    one_byte(aside / "answers.parquet")
    folder.symlink_to(aside)


def fewer_errors(path: Path) -> None:
    path.write_text(path.read_text().replace('"mentions": 18', '"mentions": 17'))


DAMAGE: dict[str, Damage] = {
    "one byte of an image": byte_of_an_image,
    "images swapped in pairs": images_swapped,
    "all images grey": images_grey,
    "an image deleted": image_deleted,
    "one byte of the answers": table_of("answers", "answers.parquet", one_byte),
    "answers of another mind": table_of("answers", "answers.parquet", other_answers),
    "answers deleted": table_of("answers", "answers.parquet", Path.unlink),
    "answers cut": table_of("answers", "answers.parquet", cut),
    "log deleted": table_of("variant", "log.parquet", Path.unlink),
    "log cut": table_of("variant", "log.parquet", cut),
    "log misaligned": table_of("variant", "log.parquet", misaligned),
    "overlay deleted": table_of("variant", "mentions.parquet", Path.unlink),
    "candidates cut": table_of("candidates", "candidates.parquet", cut),
    "entities deleted": table_of("candidates", "entities.parquet", Path.unlink),
    "checksums deleted": table_of("variant", "checksums.txt", Path.unlink),
    "checksums cut": table_of("answers", "checksums.txt", cut),
    "checksums that are a pipe": table_of("variant", "checksums.txt", pipe),
    "a figure in a manifest": table_of("answers", "manifest.json", fewer_errors),
    "a folder moved away": moved_away,
    "a manifest that is a pipe": table_of("variant", "manifest.json", pipe),
    "a manifest that is a device": table_of("variant", "manifest.json", link_to("/dev/zero")),
    "a manifest that leads nowhere": table_of("answers", "manifest.json", link_to("nowhere")),
    "a manifest that leads to itself": table_of("answers", "manifest.json", link_to("manifest.json")),
} | {
    f"manifest of {kind} is {text!r}": table_of(kind, "manifest.json", manifest_says(text))
    for kind in ("candidates", "variant", "answers")
    for text in ("", "{}", "[]", "null", '{"mentions": 18', '{"files": [], "seal": 3}')
}  # fmt: skip


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, Any]]:
    """The data, a finished run, and all that is in its store."""
    from tests.conftest import make_colour_data

    folder = tmp_path_factory.mktemp("sound")
    data = make_colour_data(folder / "colours")
    run(data, folder)
    return data, folder, content(folder / "store")


@pytest.mark.parametrize("name", DAMAGE)
def test_what_was_damaged_is_refused_by_a_report_and_made_anew_by_a_run(
    name: str, sound: tuple[Path, Path, dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    data, folder, before = sound
    report = build(folder / "out").to_json()
    DAMAGE[name](folder / "store")
    with pytest.raises(MissingError, match=r"cannot be used: .* Run the grid again to recompute it\.$") as refused:
        build(folder / "out")
    caplog.clear()
    assert run(data, folder).made == 1
    assert len(caplog.messages) == 1, caplog.messages
    assert str(folder / "store") in caplog.messages[0]
    assert caplog.messages[0].split(": ")[-1].removesuffix("; it is recomputed") in str(refused.value)
    assert content(folder / "store") == before
    assert build(folder / "out").to_json() == report
    caplog.clear()
    assert run(data, folder).made == 0
    assert not caplog.messages


@pytest.mark.parametrize("kind", ["variant", "answers"])
def test_artefacts_in_each_others_place_are_made_anew(
    kind: str, colour_data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Each is whole and as it was written; only the place is another's."""
    attacks = [PGD, PGD | {"eps": 0.01, "step_size": 0.01, "label": "weak"}]
    run(colour_data, tmp_path, attacks=attacks)
    before, report = content(tmp_path / "store"), build(tmp_path / "out").to_json()
    first, *_, last = sorted((tmp_path / "store").glob(f"{kind}/*/*"))
    aside = tmp_path / "aside"
    first.rename(aside)
    last.rename(first)
    aside.rename(last)
    with pytest.raises(MissingError, match=r"cannot be used: .* holds another artefact \([0-9a-f]{40}\)\. Run the grid again"):
        build(tmp_path / "out")
    caplog.clear()
    assert run(colour_data, tmp_path, attacks=attacks).made == 2
    assert caplog.text.count("holds another artefact") == 2
    assert content(tmp_path / "store") == before
    assert build(tmp_path / "out").to_json() == report


def test_a_plan_says_what_is_damaged(sound: tuple[Path, Path, dict[str, Any]], caplog: pytest.LogCaptureFixture) -> None:
    data, folder, _ = sound
    table = {"datasets": [{"name": "jsonl", "path": str(data)}], "linkers": [{"name": f"{LINKER}:ColourLinker", "label": "c"}]}
    grid = parse_grid({**table, "tasks": ["I2T"], "attacks": [PGD], "batch_size": 4})
    builder = Builder(Store(folder / "store"), "cpu")
    byte_of_an_image(folder / "store")
    assert ", 1 missing" in outline(expand(grid, builder), builder.store)
    assert "has a changed images/" in caplog.text
    run(data, folder)


def test_artefacts_without_checksums_are_made_anew_and_that_is_said_once(
    colour_data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As an earlier version left them."""
    made = run(colour_data, tmp_path).made
    for path in (tmp_path / "store").glob("*/*/*/manifest.json"):
        said = json.loads(path.read_text())
        path.write_text(json.dumps({key: value for key, value in said.items() if key not in ("checksums", "seal", "content")}))
    assert run(colour_data, tmp_path).made == made
    assert len(caplog.messages) == 1
    assert f"{made} artefacts in {tmp_path / 'store'} have no checksums" in caplog.text


def test_checksums_in_the_manifest_are_read_too(sound: tuple[Path, Path, dict[str, Any]]) -> None:
    """As an earlier version left them; what is made anew has the same `content`, so that nothing that rests on it is made anew."""
    data, folder, before = sound
    for path in (folder / "store").glob("*/*/*/manifest.json"):
        lines = [line.split() for line in (path.parent / "checksums.txt").read_text().splitlines()]
        said = {name: value for name, value in json.loads(path.read_text()).items() if name not in ("checksums", "seal")}
        said["files"] = {name: digest for digest, name in lines}
        path.write_text(
            json.dumps(said | {"seal": hashlib.blake2b(json.dumps(said, sort_keys=True).encode(), digest_size=20).hexdigest()})
        )
        (path.parent / "checksums.txt").unlink()
    assert run(data, folder).made == 0
    byte_of_an_image(folder / "store")
    with pytest.raises(MissingError, match="has a changed images/"):
        build(folder / "out")
    assert run(data, folder).made == 1
    for path in (folder / "store").glob("*/*/*"):
        shutil.rmtree(path)
    run(data, folder)
    assert content(folder / "store") == before


def test_another_linker_is_shown_the_images_as_they_were_made(colour_data: Path, tmp_path: Path) -> None:
    """Grey images between two grids: the second one's figures are those of an undisturbed store."""
    linkers = [{"name": f"{LINKER}:ColourLinker", "label": "c"}]
    more = [*linkers, {"name": f"{LINKER}:ColourLinker", "label": "deaf", "text_weight": 0.0}]
    transfer = [{**PGD, "source": "c"}]
    for name in ("damaged", "sound"):
        run(colour_data, tmp_path / name, linkers=linkers, attacks=transfer)
        if name == "damaged":
            images_grey(tmp_path / name / "store")
        run(colour_data, tmp_path / name, linkers=more, attacks=transfer)
    assert content(tmp_path / "damaged" / "store") == content(tmp_path / "sound" / "store")


def test_workers_heal_too(colour_data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(colour_data, tmp_path)
    before = content(tmp_path / "store")
    images_grey(tmp_path / "store")
    run(colour_data, tmp_path, workers=2)
    assert len(caplog.messages) == 1
    assert content(tmp_path / "store") == before


class StopsInTheSet(ProgressListener):
    """Interrupts the perturbation when two of its shards are done."""

    def advanced(self, job: Job, done: int, of: int) -> None:
        if job.kind == "variant" and 2 <= done < of:
            raise Interrupted


def test_an_image_emptied_under_a_finished_shard_is_attacked_again(colour_data: Path, tmp_path: Path) -> None:
    run(colour_data, tmp_path / "whole")
    with pytest.raises(Interrupted):
        run(colour_data, tmp_path / "torn", listener=StopsInTheSet())
    sorted((tmp_path / "torn" / "store").glob("variant/*/*.partial/images/*.png"))[0].write_bytes(b"")
    run(colour_data, tmp_path / "torn")
    assert content(tmp_path / "torn" / "store") == content(tmp_path / "whole" / "store")


@pytest.mark.parametrize(
    "odd", ["null", "[]", "5", '{"ingredients": []}', "[" * 100_000, "", '{"schema": 2, "cells": 5}', "pipe"]
)
def test_a_run_file_of_another_shape_is_refused_by_a_report_and_written_anew_by_a_run(
    odd: str, colour_data: Path, tmp_path: Path
) -> None:
    run(colour_data, tmp_path, attacks=["clean"], limit=3)
    file = tmp_path / "out" / "run.json"
    whole = file.read_text()
    if odd == "pipe":
        file.unlink()
        os.mkfifo(file)
    else:
        file.write_text(odd)
    with pytest.raises(MissingError, match="run.json.*run the grid again"):
        build(tmp_path / "out")
    assert run(colour_data, tmp_path, attacks=["clean"], limit=3).made == 0
    assert file.read_text() == whole
