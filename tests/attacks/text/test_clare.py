"""CLARE: the mention survives, the edits replay, neighbours and batch sizes change nothing, scores guide it where they are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import regex
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from robustmel.attacks.contract import replayed
from robustmel.attacks.text.clare import CLARE
from robustmel.attacks.text.clare_places import Place, places
from robustmel.attacks.text.masked_lm import ROWS, Gap, MaskedLM, masked_lm
from robustmel.attacks.text.parts_of_speech import by_closed_classes, tagger
from robustmel.attacks.text.words import words
from robustmel.errors import MissingError, UsageError
from robustmel.poisoning.stealth import Stealth
from robustmel.types import Query, TextChange, TextEdit

MENTION = "New Delhi"
WORDS = "red walls the painted café cafe\u0301 Привет كتاب שלום हिन्दी ภ 北 京 한국어 👩‍👩‍👧 🇫🇷 🇫 \u0600 a 2008 \u200d . - [START_ENT] [END_ENT] <|mask|>"
PHRASES = st.lists(st.one_of(st.sampled_from([*WORDS.split(), "\r", "\n"]), st.text(max_size=3)), max_size=8)


def query(left: str, right: str, mention: str = MENTION, name: str = "q") -> Query:
    return Query(name, left + mention + right, mention, (len(left), len(left) + len(mention)), None, ("right", "wrong"))


def attacked(folder: Path, asked: Query, seed: int = 0, objective: Any = None, **given: Any) -> TextEdit:
    (edit,) = CLARE(model=str(folder), **({"min_similarity": -1.0} | given)).perturb([asked], objective, ["right"], [seed])
    return edit


def clusters(text: str) -> set[int]:
    return {0, *(match.end() for match in regex.finditer(r"\X", text))}


@settings(max_examples=40)
@given(left=PHRASES, right=PHRASES, space=st.sampled_from([" ", "", "  "]), rate=st.floats(0.01, 1), protect=st.sampled_from(["mention", "markers", "none"]), seed=st.integers(0, 2**63 - 1))  # fmt: skip
def test_what_is_protected_survives_and_the_changes_replay(
    left: list[str], right: list[str], space: str, rate: float, protect: str, seed: int, masked_folder: Path
) -> None:
    asked = query(space.join([*left, ""]), space.join(["", *right]))
    edit = attacked(masked_folder, asked, seed, edit_rate=rate, protect=protect, candidates=200)
    assert replayed(asked.text, edit.changes) == edit.text
    assert (edit.id, edit.surface, edit.edits) == ("q", MENTION, len(edit.changes))
    assert bool(edit.changes) != edit.note.startswith("nothing edited")
    if edit.span is not None:
        assert edit.text[slice(*edit.span)] == MENTION
    if protect == "mention":
        assert edit.span is not None
    if protect != "none":
        assert regex.findall(r"\[(?:START|END)_ENT\]", edit.text) == regex.findall(r"\[(?:START|END)_ENT\]", asked.text)
    before, after, shift = clusters(asked.text), clusters(edit.text), 0
    for change in edit.changes:
        assert {change.start, change.end} <= before
        assert {change.start + shift, change.start + shift + len(change.new)} <= after
        shift += len(change.new) - len(change.old)


def test_neither_neighbours_nor_batch_sizes_change_an_edit(masked_folder: Path) -> None:
    """Texts of many lengths, so that a batch holds several paddings; bit by bit."""
    asked = [query("The old red walls " * place, " were painted" * (12 - place), name=f"q{place}") for place in range(0, 12, 2)]
    asked += [query("", " in red"), query("北京", "城北"), Query("gone", "red walls", "Oslo", None, None, ())]
    attack = CLARE(model=str(masked_folder), edit_rate=0.3, min_similarity=0.5)
    together = attack.perturb(asked, None, [None] * len(asked), range(len(asked)))
    for size in (1, 5):
        parts = [range(first, min(first + size, len(asked))) for first in range(0, len(asked), size)]
        split = [
            edit for part in parts for edit in attack.perturb([asked[row] for row in part], None, [None] * len(part), part)
        ]
        assert split == together
    assert attack.perturb(asked[::-1], None, [None] * len(asked), range(len(asked))[::-1]) == together[::-1]


class Bag:
    """The margin counts the letters of a text that are in the mention's language; every text that is asked about is kept."""

    def __init__(self, start: float) -> None:
        self.start, self.asked = start, list[str]()

    def __call__(self, queries: Sequence[Query], gold: Sequence[str | None]) -> Tensor:
        assert set(gold) == {"right"}
        self.asked += [asked.text for asked in queries]
        return torch.tensor([self.start + sum(map(ord, asked.text)) / 1000 - 5 for asked in queries], dtype=torch.float64)


def test_scores_guide_it_and_it_stops_at_the_first_success(masked_folder: Path) -> None:
    asked = query("The old walls of ", " were painted quickly, said the city.")
    for queries in (1, 2, 3, 9, 60):
        bag = Bag(start=5.0)
        edit = attacked(masked_folder, asked, objective=bag, queries=queries, edit_rate=1.0, candidates=300)
        assert edit.queries == len(bag.asked) <= queries
        assert bag.asked[0] == asked.text
        assert edit.succeeded is False
        assert bag([edit], ["right"]) <= bag([asked], ["right"])
    assert len(edit.changes) > 1
    almost = Bag(start=float(5 - Bag(5.0)([asked], ["right"])[0]) + 1e-9)
    edit = attacked(masked_folder, asked, objective=almost, queries=60, edit_rate=1.0)
    assert (len(edit.changes), edit.succeeded) == (1, True)
    wrong = attacked(masked_folder, asked, objective=Bag(start=-99.0), queries=60)
    assert (wrong.text, wrong.succeeded, wrong.queries, wrong.note) == (asked.text, True, 1, "")
    assert (CLARE(queries=9).needs, CLARE().needs, CLARE(queries=9).passes()) == ("scores", "nothing", 9)


def test_a_stricter_similarity_leaves_texts_more_alike(masked_folder: Path) -> None:
    asked = query("Old walls of ", " were painted quickly, said the city.")
    free = [attacked(masked_folder, asked, seed, edit_rate=1.0) for seed in range(8)]
    most = max(edit.similarity or 0 for edit in free)
    measured = Stealth(str(masked_folder)).measures([(asked.text, edit.text) for edit in free])  # to the text as it was
    assert [edit.similarity for edit in free] == pytest.approx([values["similarity"] for values in measured], abs=1e-5)
    held = [attacked(masked_folder, asked, seed, edit_rate=1.0, min_similarity=most) for seed in range(8)]
    assert min(edit.similarity or 0 for edit in free) < most <= min(edit.similarity or 0 for edit in held)
    none = attacked(masked_folder, asked, edit_rate=1.0, min_similarity=1.0)
    assert (none.text, none.note) == (asked.text, "nothing edited: no word can be edited")


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (Query("q", "", "", None, None, ()), "the mention is not in the text"),
        (Query("q", "red walls", "Oslo", None, None, ()), "the mention is not in the text"),
        (query("", ""), "no word may be edited"),
        (query("🙂🙂 ", " 12"), "no word may be edited"),
        (query("ລາວ", ""), "no word can be edited"),
        (query("Ελλάδα και ", " δείπνο", "Αθήνα"), "no word can be edited"),
    ],
)
def test_what_cannot_be_edited_stays_and_says_why(asked: Query, why: str, masked_folder: Path) -> None:
    edit = attacked(masked_folder, asked)
    assert (edit.text, edit.changes, edit.note) == (asked.text, (), f"nothing edited: {why}")


def test_a_long_text_is_read_around_the_mask(masked_folder: Path) -> None:
    asked = query("Old red walls, " * 700, "")
    edit = attacked(masked_folder, asked, edit_rate=0.001, candidates=300)
    assert (edit.edits, edit.note) == (2, "")


def test_places_keep_off_the_mention_and_its_markers() -> None:
    text = "a [START_ENT] New Delhi [END_ENT] red wall (old one) of red"
    spans = [(2, 13), (14, 23), (24, 33)]
    listed = places(text, spans, [(34, 37)], lambda one, two: by_closed_classes(text[slice(*one)], text[slice(*two)]))
    assert {text[place.start : place.end] for place in listed if place.action == "merge"} == {"red wall", "old one"}
    assert {place.start for place in listed if place.action == "insert"} == {
        start for word in ("red wall", "wall", "one", "of", "red") for start in [text.rindex(word)]
    } | {34}
    ends = [(14, 14), (23, 23)]  # of the mention alone: nothing reaches across
    assert all(
        text[place.start : place.end] not in ("START_ENT New", "Delhi END_ENT")
        for place in places(text, ends, [], lambda *_: True)
    )


def test_no_place_is_edited_twice() -> None:
    inserted, replaced = TextChange(4, 4, "", "old ", "insert"), TextChange(4, 7, "red", "old", "replace")
    assert not Place(4, 4, "insert").free([inserted])
    assert not Place(4, 7, "replace").free([replaced])
    assert not Place(0, 7, "merge").free([inserted])
    assert Place(4, 7, "replace").free([inserted])
    assert Place(4, 4, "insert").free([TextChange(0, 3, "the", "a", "replace")])


def test_function_words_are_not_merged_but_determiners() -> None:
    assert by_closed_classes("the", "president")
    assert by_closed_classes("Red", "wall")
    assert not by_closed_classes("of", "Chile")
    assert not by_closed_classes("walls", "of")
    assert not by_closed_classes("in", "2008")


def test_fillings_are_the_librarys_for_one_text_at_a_time(masked_folder: Path) -> None:
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(masked_folder)
    network: Any = AutoModelForMaskedLM.from_pretrained(masked_folder)
    model = MaskedLM(network, tokenizer)
    gaps = [Gap("Old red ", " of the city"), Gap("", " walls"), Gap("The <|mask|> of ", " walls" * 30)]
    filled = model.fill(gaps, 500)
    plain: Any = AutoModelForMaskedLM.from_pretrained(masked_folder)
    for gap, fillings in zip(gaps, filled, strict=True):
        ids = tokenizer(f"{gap.left}<|mask|>{gap.right}", return_tensors="pt")["input_ids"]
        with torch.no_grad():
            chances = plain(input_ids=ids).logits[0][ids[0] == 3][gap.left.count("<|mask|>")].softmax(0)
        blank = "Ġ" if gap.left else ""
        for filling in fillings:
            token = tokenizer.convert_tokens_to_ids(
                blank + tokenizer.tokenize("x" + " " * bool(blank) + filling.word)[-1].lstrip("Ġ")
            )
            assert chances[token] == pytest.approx(filling.probability, rel=1e-3)
        assert fillings == sorted(fillings, key=lambda filling: -filling.probability)
    assert {filling.word for filling in filled[0]} >= {"red", "walls", "painted"}
    before = model.tokens_read
    model.fill(gaps[:1], 5)
    assert (model.tokens_read - before) % (8 * ROWS) == 0  # a batch of one is filled up, so that its products have one shape
    row, place = model._around(list(range(500)), 250)
    assert row[place] == 250
    assert abs(2 * place - len(row)) <= 2  # as much is read on either side
    assert all(words(filling.word) == [(0, len(filling.word))] for fillings in filled for filling in fillings)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"candidates": 0}, "candidates = 0"),
        ({"min_similarity": 2}, "must lie between -1 and 1"),
        ({"edit_rate": 0}, "edit_rate = 0"),
    ],
)
def test_values_out_of_range_are_told(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        CLARE(**given)


def test_a_model_of_another_kind_is_told(tmp_path: Path, opt_folder: Path) -> None:
    with pytest.raises(MissingError, match="no folder"):
        CLARE.assets(model=str(tmp_path / "gone"), encoder="", tagger="")
    with pytest.raises((MissingError, UsageError), match="masked language model"):
        masked_lm(str(opt_folder))


def test_the_source_is_asked_for_many_texts_at_once(masked_folder: Path) -> None:
    """As many calls as the longest search has rounds, not as all of them together."""
    calls = list[int]()
    bag = Bag(start=50.0)

    def objective(queries: Sequence[Query], gold: Sequence[str | None]) -> Tensor:
        calls.append(len(queries))
        return bag(queries, gold)

    attack = CLARE(model=str(masked_folder), edit_rate=0.2, min_similarity=-1.0, queries=12)
    asked = [replace(query("The old walls of ", " were painted, said the city."), id=f"q{row}") for row in range(6)]
    together = attack.perturb(asked, objective, ["right"] * 6, range(6))
    assert calls[0] == 6
    assert len(calls) <= 12
    assert together == [attack.perturb([one], bag, ["right"], [row])[0] for row, one in enumerate(asked)]


def test_a_tagger_tells_which_words_are_merged(masked_folder: Path, tmp_path: Path) -> None:
    """Of random weights: its tags are those of the library's own pipeline, and mergers follow them."""
    from transformers import AutoTokenizer, RobertaConfig, RobertaForTokenClassification, pipeline

    tokenizer: Any = AutoTokenizer.from_pretrained(masked_folder)
    shape: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    labels = {0: "NOUN", 1: "VERB", 2: "DET"}
    config = RobertaConfig(
        vocab_size=len(tokenizer), max_position_embeddings=65, pad_token_id=2, id2label=labels, initializer_range=0.5, **shape
    )
    torch.manual_seed(3)
    RobertaForTokenClassification(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    text = "The old red walls said of the tall city painted New Delhi"
    tags = tagger(str(tmp_path)).tags(text)
    told = {part["start"]: part["entity"] for part in pipeline("token-classification", str(tmp_path), ignore_labels=[])(text)}
    assert set(tags) == set(words(text))
    assert tags == {span: told.get(span[0], told.get(span[0] - 1)) for span in tags}
    assert len(set(tags.values())) > 1
    pairs = {"NOUN": {"NOUN"}, "VERB": {"VERB", "NOUN"}, "DET": {"NOUN"}}
    allowed = {
        text[one[0] : two[1]]
        for (one, first), (two, second) in zip(tags.items(), list(tags.items())[1:], strict=False)
        if second in pairs[first]
    }
    attack = CLARE(model=str(masked_folder), tagger=str(tmp_path), edit_rate=1.0, min_similarity=-1.0, candidates=300)
    asked = [Query(str(seed), text, "New Delhi", (48, 57), None, ()) for seed in range(40)]
    edits = attack.perturb(asked, None, [None] * 40, range(40))
    merged = {change.old for edit in edits for change in edit.changes if change.action == "merge"}
    assert set() < merged <= allowed
    with pytest.raises(UsageError, match="universal parts of speech"):
        tagger(str(other_labels(tmp_path)))


def other_labels(folder: Path) -> Path:
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"NOUN"', '"PERSON"'))
    return folder
