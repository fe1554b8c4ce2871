"""Names that can be written, names that cannot, and the entities behind a text."""

from __future__ import annotations

import pytest

from robustmel.kb import KnowledgeBase
from robustmel.linkers.gemel.answers import written_entities
from robustmel.linkers.gemel.beam_search import Generated, Hypothesis
from robustmel.linkers.gemel.entity_names import EntityNames
from robustmel.types import Entity, Query

from .conftest import word_tokenizer

NAMES = ["w3 w4", "w5", "w3 w4", "", "unheard of", "w6 <end>", "w7 w8 w9"]


def names_of(names: list[str]) -> EntityNames:
    tokenizer = word_tokenizer()
    tokenizer.unk_token = "a"
    return EntityNames(names, tokenizer, 3)


def test_names_without_tokens_of_their_own_cannot_be_written_and_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    names = names_of(NAMES)
    assert names.tokens == [(3, 4), (5,), (3, 4), (), (), (), ()]
    assert "4 of 7 names cannot be written in 3 tokens of this language model" in caplog.text
    assert "the first: ''" in caplog.text
    assert [names.of_text(text) for text in (" w3 w4", "w5", "", "unheard of", "a a")] == [[0, 2], [1], [], [], []]


def test_a_tokenizer_without_capitals_writes_names_with_them(opt_folder: object) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(opt_folder)
    names = EntityNames(["Chad", "São Tomé", "chad"], tokenizer, 32)
    written = names.text(tokenizer("Chad", add_special_tokens=False)["input_ids"])
    assert names.of_text(written) == [0, 2]
    assert names.of_text("são tomé") == [1]
    assert names.of_state(int(names.trie.step(*map(_array, ([0], [names.tokens[0][0]])))[0])) in ([], ["Chad", "chad"])


def _array(values: list[int]) -> object:
    import numpy as np

    return np.array(values)


def test_what_is_written_freely_is_looked_up_among_the_names() -> None:
    kb = KnowledgeBase(Entity(f"e{place}", name) for place, name in enumerate(NAMES))
    names = names_of(NAMES)
    query = Query("q", "", "", None, None, None)
    best, second, strange = (
        Hypothesis(tokens, score, True, -1) for tokens, score in (((3, 4), -1.0), ((5,), -2.0), ((9,), -3.0))
    )

    def answered(*hypotheses: Hypothesis, candidates: tuple[str, ...] | None = None) -> tuple[object, ...]:
        asked = Query("q", "", "", None, None, candidates)
        answer = written_entities(asked, Generated(hypotheses, False), names, kb, prefix_tree=False, read=7)
        return answer.ranked, answer.scores, answer.status, answer.text

    assert answered(best, strange, second) == (("e0", "e2", "e1"), (-1.0, -1.0, -2.0), "ok", "w3 w4")
    assert answered(strange, best) == ((), (), "unknown_name", "w9")
    assert answered() == ((), (), "dead_end", "")
    assert answered(best, second, candidates=("e2", "e5")) == (("e2",), (-1.0,), "ok", "w3 w4")
    assert answered(best, second, candidates=("e1",)) == ((), (), "unknown_name", "w3 w4")
    assert written_entities(query, Generated((), True), names, kb, prefix_tree=False, read=7).error == "non_finite"
