"""Near words by vectors, compared with cosines computed one by one."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import robustmel as rm
from robustmel.attacks import ATTACKS
from robustmel.attacks.contract import replayed
from robustmel.attacks.text.embedding import WORDS
from robustmel.attacks.text.word_attack import NO_MEANS, NO_WORD
from robustmel.attacks.text.word_vectors import encoded_words, near_words, word_vectors
from robustmel.attacks.text.words import words
from robustmel.errors import MissingError, UsageError
from robustmel.linkers.weights import model_folder
from robustmel.types import Query

ENCODER = "world:mlm-world"
VECTOR = st.tuples(*[st.integers(-9, 9)] * 3)


def written(folder: Path, lines: list[str]) -> Path:
    file = folder / f"vectors-{len(list(folder.iterdir()))}.txt"
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return file


@given(vectors=st.lists(VECTOR, min_size=2, max_size=12), least=st.floats(-1, 1), count=st.integers(1, 12))
def test_near_words_are_those_of_the_largest_cosines(
    vectors: list[tuple[int, ...]], least: float, count: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    names = [f"w{chr(97 + place)}" for place in range(len(vectors))]
    file = written(
        tmp_path_factory.mktemp("v"), [f"{name} {x} {y} {z}" for name, (x, y, z) in zip(names, vectors, strict=True)]
    )

    def cosine(first: tuple[int, ...], second: tuple[int, ...]) -> float:
        lengths = float(np.linalg.norm(first) * np.linalg.norm(second))
        return float(np.dot(first, second)) / lengths if lengths else 0.0

    near = near_words(word_vectors(file, 0), "wa", least, count)
    cosines = dict(zip(names, (cosine(vectors[0], other) for other in vectors), strict=True))
    sure = [name for name in names[1:] if cosines[name] > least + 1e-5]
    maybe = [name for name in names[1:] if cosines[name] > least - 1e-5]
    assert min(len(sure), count) <= len(near) <= min(len(maybe), count)
    assert set(near) <= set(maybe)
    left_out = [cosines[name] for name in sure if name not in near]
    assert not left_out or max(left_out) <= min(cosines[name] for name in near) + 1e-5


def test_both_formats_and_words_with_spaces_are_read(tmp_path: Path) -> None:
    glove, word2vec = (
        written(tmp_path, ["Bo 1 2", "a b 3 4", "Bo 5 6"]),
        written(tmp_path, ["3 2", "a b 1 2", "Oslo 3 4", "zero 0 0"]),
    )
    assert word_vectors(glove, 0).words == ["Bo", "a b"]
    assert word_vectors(word2vec, 0).words == ["a b", "Oslo", "zero"]
    np.testing.assert_allclose(word_vectors(word2vec, 0).directions[1], [0.6, 0.8], rtol=1e-6)
    assert near_words(word_vectors(word2vec, 0), "zero", 0.1, 5) == ()


def test_case_is_kept_and_spellings_of_the_word_itself_are_no_neighbours(tmp_path: Path) -> None:
    file = written(tmp_path, ["red 1 0", "Red 1 0.01", "scarlet 1 0.1", "red-ish! 1 0", "blue 0 1"])
    asked = Query("q", "Red walls RED red of Oslo", "Oslo", None, None, ())
    (edit,) = ATTACKS.create("embedding", vectors=str(file), edit_rate=1.0).perturb([asked], None, [None], [0])
    assert edit.text == "Scarlet walls SCARLET scarlet of Oslo"
    assert edit.note == "fewer words edited than asked: the others cannot be edited"


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([], "holds no word vectors"),
        (["a 1 2", "b 1"], "line 2"),
        (["a 1 x"], "line 1"),
        (["a 1 nan"], "line 1"),
        (["a"], "line 1"),
    ],
)
def test_a_file_that_holds_no_vectors_is_told(lines: list[str], told: str, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=told):
        word_vectors(written(tmp_path, lines), 0)


def test_what_is_missing_or_out_of_range_is_told(tmp_path: Path) -> None:
    assets = partial(ATTACKS.load("embedding").assets, vectors="", encoder="", word_list="")
    with pytest.raises(MissingError, match="no file .*none.txt of word vectors"):
        assets(vectors=str(tmp_path / "none.txt"))
    with pytest.raises(MissingError, match="no file .*none.txt of words; set word_list"):
        assets(encoder=ENCODER, word_list=str(tmp_path / "none.txt"))
    with pytest.raises(MissingError, match='no embedded checkpoint "mlm"'):
        assets(encoder="world:mlm")
    with pytest.raises(UsageError, match="or encoder to a model"):
        assets()
    for wrong, told in (
        ({"vectors": "x", "min_cosine": 2.0}, "min_cosine = 2"),
        ({"vectors": "x", "neighbours": 0}, "neighbours = 0"),
        ({}, "set vectors to a file of word vectors, or encoder to a model"),
        ({"vectors": "x", "encoder": ENCODER}, "set vectors to a file of word vectors, or encoder to a model"),
        ({"vectors": "x", "word_list": "y"}, "a file of vectors has its own"),
    ):
        with pytest.raises(UsageError, match=told):
            ATTACKS.create("embedding", **wrong)
    (alone := tmp_path / "words.txt").write_text("flag\n12 !\n\n", encoding="utf-8")
    with pytest.raises(MissingError, match="words.txt holds no two words"):
        encoded_words(ENCODER, alone, (0,))


def test_words_of_an_encoder_are_its_own_sentences_less_their_mean(masked_folder: Path, tmp_path: Path) -> None:
    """Compared with the library's model, a word at a time; the whole words of a vocabulary stand in for a list."""
    from transformers import AutoModel, AutoTokenizer

    network, tokenizer = AutoModel.from_pretrained(masked_folder).eval(), AutoTokenizer.from_pretrained(masked_folder)
    (listed := tmp_path / "words.txt").write_text("walls\n painted \nwalls\nnot a word\ncity\n", encoding="utf-8")
    made = encoded_words(str(masked_folder), listed, (0,))
    assert made.words == ["city", "painted", "walls"]
    with torch.no_grad():
        read = [network(**tokenizer(f" {word}", return_tensors="pt")).last_hidden_state[0].mean(0) for word in made.words]
    vectors = torch.stack(read) - torch.stack(read).mean(0)
    np.testing.assert_allclose(made.directions, torch.nn.functional.normalize(vectors, dim=-1), atol=1e-4)
    own = encoded_words(str(masked_folder), None, (0,)).words
    assert {"red", "walls", "北", "한국어", "стены"} <= set(own)
    assert all(tokenizer.tokenize(f" {word}")[0].endswith(tokenizer.tokenize(f" {word}")[-1]) for word in own)


def test_the_embedded_encoder_knows_the_words_that_its_sentences_have(tmp_path: Path) -> None:
    counts = Counter(
        mention.text[start:end]
        for name in ("world-news", "world-sport")
        for mention in rm.load_dataset(name, split="train").mentions
        for start, end in words(mention.text)
    )
    frequent = sorted(word for word, count in counts.items() if count >= 5 and any(map(str.isalpha, word)))
    assert (model_folder(ENCODER) / WORDS).read_text("utf-8").split() == frequent


def test_an_encoder_edits_a_text_whatever_stands_beside_it_and_keeps_the_mention() -> None:
    texts = ("Exports of cocoa from Samoa rose in December.", "Samoa signed it in Lisbon.", "Samoa", "شرق Samoa")
    asked = [Query(str(place), text, "Samoa", None, None, ()) for place, text in enumerate(texts)]
    attack = ATTACKS.create("embedding", encoder=ENCODER, min_cosine=0.8, edit_rate=1.0)
    made = attack.perturb(asked, None, [None] * 4, range(4))
    assert [attack.perturb([query], None, [None], [seed])[0] for seed, query in enumerate(asked)] == made
    for query, edit in zip(asked, made, strict=True):
        assert edit.text.count("Samoa") == 1
        assert replayed(query.text, edit.changes) == edit.text
    near = encoded_words(ENCODER, model_folder(ENCODER) / WORDS, attack_files())
    months = {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November"}
    assert set(near_words(near, "December", 0.8, 3)) <= months
    (december,) = (change for change in made[0].changes if change.old == "December")
    assert december.new in near_words(near, "December", 0.8, 50)
    assert [edit.note for edit in made[2:]] == [NO_WORD, NO_MEANS]


def attack_files() -> tuple[int, ...]:
    paths = ATTACKS.load("embedding").assets(vectors="", encoder=ENCODER, word_list="")
    return tuple(path.stat().st_mtime_ns for path in paths)
