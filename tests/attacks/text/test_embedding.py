"""Near words by vectors, compared with cosines computed one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustmel.attacks import ATTACKS
from robustmel.attacks.text.embedding import near_words, word_vectors
from robustmel.errors import MissingError, UsageError
from robustmel.types import Query

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
    assert list(word_vectors(glove, 0).rows) == ["Bo", "a b"]
    assert list(word_vectors(word2vec, 0).rows) == ["a b", "Oslo", "zero"]
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
    with pytest.raises(MissingError, match="no file .*none.txt of word vectors"):
        ATTACKS.load("embedding").assets(vectors=str(tmp_path / "none.txt"))
    with pytest.raises(UsageError, match="min_cosine = 2"):
        ATTACKS.create("embedding", vectors="x", min_cosine=2.0)
    with pytest.raises(UsageError, match="neighbours = 0"):
        ATTACKS.create("embedding", vectors="x", neighbours=0)
    with pytest.raises(UsageError, match="vectors"):
        ATTACKS.create("embedding")
