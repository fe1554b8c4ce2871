"""Synonyms from a small database written by hand, and from a real one where it is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from robustmel.attacks import ATTACKS
from robustmel.attacks.text.wordnet import inflected, synonyms_of
from robustmel.attacks.text.wordnet_files import WordNetFiles
from robustmel.cli.entry import run
from robustmel.errors import MissingError
from robustmel.registry import Component
from robustmel.run.components import attack_spec
from robustmel.run.grid import AttackSpec
from robustmel.types import Query

INSTALLED = Path("/usr/share/wordnet")


@pytest.fixture(scope="module")
def database(lexicons: dict[str, dict[str, str]]) -> WordNetFiles:
    return WordNetFiles(Path(lexicons["wordnet"]["folder"]))


def test_the_synsets_of_a_lemma_are_read_whole(database: WordNetFiles) -> None:
    assert database.synonyms("noun", "wall") == ["wall", "bulwark", "Hadrian's_Wall"]
    assert database.synonyms("verb", "paint") == ["paint", "coat", "paint", "color"]
    assert database.synonyms("adj", "red") == ["red", "scarlet", "crimson"]  # the marker "(a)" is no part of it


def test_inflected_words_lead_to_their_lemmas(database: WordNetFiles) -> None:
    assert list(database.bases("walls")) == [("noun", "wall", "s")]
    assert list(database.bases("painted")) == [("verb", "paint", "ed")]
    assert list(database.bases("strolling")) == [("verb", "stroll", "ing")]
    assert list(database.bases("men")) == [("noun", "man", "s")]
    assert list(database.bases("took")) == [("verb", "take", "ed")]
    assert list(database.bases("larger")) == [("adj", "large", "er")]
    assert list(database.bases("cities")) == [("noun", "city", "s")]
    assert list(database.bases("xyz")) == []


@pytest.mark.parametrize(
    ("word", "kept", "raw"),
    [
        ("wall", ("bulwark",), ("bulwark",)),
        ("Walls", ("Bulwarks",), ("bulwark",)),
        ("WALL", ("BULWARK",), ("bulwark",)),
        ("painting", ("coating", "coloring"), ("coat", "color")),
        ("took", ("seized",), ("seize",)),
        ("seized", (), ("take",)),  # "took" is listed under "take", and is no form in -ed
        ("boxes", ("cartons",), ("carton",)),
        ("larger", (), ("big",)),
        ("men", (), ("gentleman", "human")),  # "gentlemans" would be wrong, and who knows about "humans"
        ("human", ("gentleman", "humans", "man"), ("gentleman", "humans", "man")),
        ("xyz", (), ()),
    ],
)
def test_form_is_kept_or_lost(word: str, kept: tuple[str, ...], raw: tuple[str, ...], database: WordNetFiles) -> None:
    assert synonyms_of(database, word, True) == kept
    assert synonyms_of(database, word, False) == raw


@pytest.mark.parametrize(
    ("base", "forms"),
    [
        ("walk", "walks walked walking"), ("seize", "seizes seized seizing"), ("tie", "ties tied tying"), ("see", "sees - seeing"),
        ("carry", "carries carried carrying"), ("play", "plays played playing"), ("coach", "coaches coached coaching"),
        ("dye", "dyes dyed dyeing"), ("tax", "taxes taxed taxing"),
    ],
)  # fmt: skip
def test_regular_forms_are_spelt_as_in_english(base: str, forms: str) -> None:
    made = [inflected(base, ending) for ending in ("s", "ed", "ing")]
    assert [form for form, known in zip(made, forms.split(), strict=True) if known != "-"] == [
        f for f in forms.split() if f != "-"
    ]


def test_a_folder_without_a_database_is_told_with_the_way_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grid = tmp_path / "grid.toml"
    table = f'{{name = "wordnet", folder = "{tmp_path / "none"}"}}'
    grid.write_text(f'datasets = ["world-news"]\nlinkers = ["clip-world"]\ntasks = ["T2T"]\nattacks = [{table}]\n')
    assert run(["plan", str(grid)]) == 3
    told = capsys.readouterr().err
    assert str(tmp_path / "none") in told
    assert "apt install wordnet-base" in told
    (tmp_path / "index.verb").write_text("")
    with pytest.raises(MissingError, match=r"there is no data\.verb"):
        WordNetFiles(tmp_path)


def test_an_index_that_does_not_fit_its_data_is_told(tmp_path: Path) -> None:
    (tmp_path / "index.noun").write_text("wall n 1 0 1 0 00000007  \n")
    (tmp_path / "data.noun").write_text("00000000 06 n 01 wall 0 000 | gloss\n")
    with pytest.raises(MissingError, match="has no synset at byte 00000007"):
        WordNetFiles(tmp_path).synonyms("noun", "wall")


def test_keys_depend_on_the_files_and_not_on_where_they_lie(tmp_path: Path, lexicons: dict[str, dict[str, str]]) -> None:
    def identity(name: str, **given: str) -> object:
        spec = attack_spec(AttackSpec(Component(name, given)), [])
        assert spec is not None
        return spec.identity

    for name, (option, place) in {name: next(iter(given.items())) for name, given in lexicons.items()}.items():
        source = Path(place)
        if name == "paraphrase":  # asks an endpoint, and reads no file
            continue
        copy = tmp_path / name
        copy.mkdir()
        for file in source.iterdir() if source.is_dir() else [source]:
            (copy / file.name).write_bytes(file.read_bytes())
        there = copy if source.is_dir() else copy / source.name
        assert identity(name, **{option: place}) == identity(name, **{option: str(there)})
        changed = there / "noun.exc" if source.is_dir() else there
        changed.write_text(changed.read_text() + ("oxen ox\n" if source.is_dir() else "ox 1 1\n"))
        assert identity(name, **{option: place}) != identity(name, **{option: str(there)})


def test_an_installed_wordnet_knows_well_known_synsets() -> None:
    if not (INSTALLED / "index.noun").is_file():
        pytest.skip(f"no WordNet in {INSTALLED} (Debian: apt install wordnet-base)")
    database = WordNetFiles(INSTALLED)
    assert "automobile" in synonyms_of(database, "car", False)
    assert {"swop", "swap"} <= set(synonyms_of(database, "trade", False))
    assert "autos" in synonyms_of(database, "cars", True)
    asked = Query("q", "The president exchanged handshakes in Oslo", "Oslo", None, None, ())
    (edit,) = ATTACKS.create("wordnet", edit_rate=1.0).perturb([asked], None, [None], [0])
    assert edit.edits == 3
