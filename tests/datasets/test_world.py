"""The embedded data sets appear whole or not at all, and are read like any other."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from robustmel.datasets import DATASETS
from robustmel.datasets.world import WorldNews, WorldSport
from robustmel.errors import MissingError
from robustmel.images import decode
from robustmel.world import materialise, mentions
from robustmel.world.materialise import cache_folder, materialised
from robustmel.world.mentions import world_mentions
from robustmel.world.scenes import draw_scene


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a world small enough to be drawn many times."""
    monkeypatch.setenv("ROBUSTMEL_CACHE", str(tmp_path / "cache"))
    few = [
        mentions.world_knowledge_base()[one] for one in ("chad", "france", "georgia-country", "india", "signal-india", "texas")
    ]
    monkeypatch.setattr(mentions, "members", lambda dataset: few)
    monkeypatch.setattr(mentions, "SIZES", {"train": 24, "validation": 8, "test": 10})
    monkeypatch.setattr(mentions, "AT_LEAST", {"train": 2, "validation": 1, "test": 1})
    return tmp_path / "cache"


def unfinished(cache: Path) -> list[Path]:
    return list(cache.rglob(".unfinished-*"))


@pytest.mark.parametrize(("name", "loader"), [("world-news", WorldNews), ("world-sport", WorldSport)])
def test_what_is_read_is_what_was_drawn_and_written(cache: Path, name: str, loader: type[WorldNews]) -> None:
    dataset = DATASETS.create(name).load("test")
    assert (dataset.name, loader().load("test").mentions) == (name, dataset.mentions)
    for mention, made in zip(dataset.mentions, world_mentions(name, "test"), strict=True):
        assert (mention.id, mention.gold, mention.surface, mention.text, mention.span, mention.candidates, mention.split) == (
            made.id,
            made.gold,
            made.surface,
            made.text,
            made.span,
            made.candidates,
            "test",
        )
        assert mention.image is not None
        assert np.array_equal(decode(mention.image), np.asarray(draw_scene(made.gold, made.scene_seed, "test")))
    assert set(dataset.report.counts) <= {"gold_not_in_candidates"}


def test_only_the_split_asked_for_is_drawn(cache: Path) -> None:
    WorldNews().load("validation")
    assert [folder.name for folder in cache.glob("world/*/*")] == ["world-news-validation"]


def test_all_is_the_three_splits_one_after_the_other(cache: Path) -> None:
    loader = WorldSport()
    parts = [mention for split in ("train", "validation", "test") for mention in loader.load(split).mentions]
    whole = loader.load()
    assert list(whole.mentions) == parts
    assert len({mention.id for mention in whole.mentions}) == 42
    assert whole.split("validation").mentions == loader.load("dev").mentions
    assert not any(whole.outside(mention.image) for mention in whole.mentions if mention.image)  # else it could not be exported


def test_the_knowledge_base_is_the_whole_world(cache: Path) -> None:
    assert WorldNews().load("test").kb.entities == mentions.world_knowledge_base().entities


def test_an_unknown_split_is_refused_before_anything_is_drawn(cache: Path) -> None:
    with pytest.raises(MissingError, match='no split "tset".*train, validation, test'):
        WorldNews().load("tset")
    assert not cache.exists()


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_an_interrupted_making_leaves_nothing(
    cache: Path, monkeypatch: pytest.MonkeyPatch, interruption: BaseException
) -> None:
    drawn = iter(range(7))

    def interrupted(*arguments: object) -> object:
        if next(drawn, None) is None:
            raise interruption
        return draw_scene(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(materialise, "draw_scene", interrupted)
        with pytest.raises((KeyboardInterrupt, MissingError)):
            WorldNews().load("test")
    assert not list(cache.glob("world/*/*"))
    assert not unfinished(cache)
    assert len(WorldNews().load("test").mentions) == 10


def test_what_a_killed_process_left_is_neither_read_nor_kept_for_ever(cache: Path) -> None:
    shelf = materialised("world-news", "test").parent
    fresh, old = shelf / ".unfinished-fresh", shelf / ".unfinished-old"
    for left in (fresh, old):
        left.mkdir()
        (left / "mentions.jsonl").write_text("{")
    os.utime(old, (time.time() - 7 * 24 * 3600,) * 2)
    assert len(WorldNews().load("validation").mentions) == 8
    assert unfinished(cache) == [fresh]


def test_two_processes_at_once_both_get_the_data_set(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, others = materialise._write, []

    def overtaken(folder: Path, dataset: str, split: str) -> None:
        if not others:
            others.append(None)
            others.append(materialised(dataset, split))
        write(folder, dataset, split)

    monkeypatch.setattr(materialise, "_write", overtaken)
    assert materialised("world-news", "test") == others[1]
    assert len(WorldNews().load("test").mentions) == 10
    assert not unfinished(cache)


def test_a_cache_that_cannot_be_written_is_named(cache: Path) -> None:
    cache.write_text("a file where a folder should be")
    with pytest.raises(MissingError, match="cannot be written.*ROBUSTMEL_CACHE"):
        WorldNews().load("test")


def test_other_pixels_texts_or_versions_live_under_another_key(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes: list[tuple[str, object]] = [
        ("VERSION", materialise.VERSION + 1),
        ("template_file", lambda dataset: "other captions"),
        ("draw_scene", lambda entity_id, seed, family: draw_scene(entity_id, seed + 1, family)),
        ("PIL", SimpleNamespace(__version__="0.1")),
    ]
    folders = {materialised("world-news", "validation")}
    for name, changed in changes:
        with monkeypatch.context() as patch:
            patch.setattr(materialise, name, changed)
            folders.add(materialised("world-news", "validation"))
    assert len(folders) == 1 + len(changes)


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ROBUSTMEL_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "robustmel"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "robustmel"
    monkeypatch.setenv("ROBUSTMEL_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
