"""What holds for every attack on words: the mention stays, the changes replay, as many words as asked, the seed decides."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from robustmel.attacks import ATTACKS
from robustmel.attacks.text.words import STOP_WORDS
from robustmel.errors import UsageError
from robustmel.types import Query, TextEdit

LETTERS = ["qwerty", "char_swap", "word_delete"]
EVERY = [*LETTERS, "wordnet", "embedding"]
MENTION = "New Delhi"
WORDS = [
    "red",
    "walls",
    "the",
    "Mozart's",
    "café",
    "cafe\u0301",
    "Привет",
    "كتاب",
    "שלום",
    "हिन्दी",
    "ภาษา",
    "北京",
    "カー",
    "한국어",
]
WORDS += [
    "👩‍👩‍👧",
    "👍🏽",
    "🇫🇷",
    "🇫",
    "\u0600",
    "e\u0301",
    "1️⃣",
    "painted",
    "2008",
    "a",
    "\u200d",
    "\r",
    "\n",
    ".",
    "-",
    "[START_ENT]",
    "[END_ENT]",
]
PHRASES = st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=4)), max_size=12)
SPACES = st.sampled_from([" ", "", "  ", "\t"])


def query(left: str, right: str, mention: str = MENTION) -> Query:
    return Query("q", left + mention + right, mention, (len(left), len(left) + len(mention)), None, ())


def attacked(name: str, lexicons: dict[str, dict[str, str]], asked: Query, seed: int = 0, **given: Any) -> TextEdit:
    (edit,) = ATTACKS.create(name, **lexicons.get(name, {}), **given).perturb([asked], None, [None], [seed])
    assert isinstance(edit, TextEdit)
    return edit


def clusters(text: str) -> set[int]:
    return {0, *(match.end() for match in regex.finditer(r"\X", text))}


def replay(text: str, edit: TextEdit) -> str:
    """By slicing forwards, unlike the package."""
    pieces, last = [], 0
    for change in edit.changes:
        assert change.start >= last
        assert text[change.start : change.end] == change.old != change.new
        pieces += [text[last : change.start], change.new]
        last = change.end
    return "".join([*pieces, text[last:]])


@pytest.mark.parametrize("name", EVERY)
@given(left=PHRASES, right=PHRASES, space=SPACES, rate=st.floats(0.01, 1), protect=st.sampled_from(["mention", "markers", "none"]), seed=st.integers(0, 2**63 - 1))  # fmt: skip
def test_what_is_protected_survives_and_the_changes_replay(
    name: str,
    left: list[str],
    right: list[str],
    space: str,
    rate: float,
    protect: str,
    seed: int,
    lexicons: dict[str, dict[str, str]],
) -> None:
    asked = query(space.join([*left, ""]), space.join(["", *right]))
    edit = attacked(name, lexicons, asked, seed, edit_rate=rate, protect=protect)
    assert replay(asked.text, edit) == edit.text
    assert (edit.id, edit.surface, edit.edits) == ("q", MENTION, len(edit.changes))
    assert bool(edit.changes) != edit.note.startswith("nothing edited")
    if edit.span is not None:
        assert edit.text[slice(*edit.span)] == MENTION
    if protect == "mention":
        assert edit.span is not None
    if protect != "none":
        for marker in ("[START_ENT]", "[END_ENT]"):
            assert edit.text.count(marker) == asked.text.count(marker)
    shift = 0
    for change in edit.changes:
        assert {change.start, change.end} <= clusters(asked.text)
        assert {change.start + shift, change.start + shift + len(change.new)} <= clusters(edit.text)
        shift += len(change.new) - len(change.old)


@pytest.mark.parametrize("name", LETTERS)
@given(chosen=st.lists(st.sampled_from(["handshakes", "Minister", "red", "the", "In", "2008"]), min_size=1, max_size=30), rate=st.floats(0.01, 1), stop_words=st.booleans())  # fmt: skip
def test_as_many_words_are_edited_as_asked(
    name: str, chosen: list[str], rate: float, stop_words: bool, lexicons: dict[str, dict[str, str]]
) -> None:
    """Numbers are never eligible, and stop words where asked, whatever their case."""
    asked = query(" ".join([*chosen, ""]), ".")
    edit = attacked(name, lexicons, asked, edit_rate=rate, stop_words=stop_words)
    eligible = sum(word != "2008" and (stop_words or word not in ("the", "In")) for word in chosen)
    assert edit.edits == (max(1, int(rate * eligible)) if eligible else 0)
    assert edit.note == ("" if eligible else "nothing edited: no word may be edited")
    if not stop_words:
        assert not {change.old.strip().lower() for change in edit.changes} & STOP_WORDS


@pytest.mark.parametrize("name", EVERY)
def test_the_seed_decides_and_neighbours_do_not(name: str, lexicons: dict[str, dict[str, str]]) -> None:
    text = "A man painted red walls and big red boxes in a city, walked to the wall, quickly, under a red flag of "
    attack, asked = ATTACKS.create(name, edit_rate=0.2, **lexicons.get(name, {})), query(text, ".")
    together = attack.perturb([asked] * 40, None, [None] * 40, list(range(40)))
    assert together == [attacked(name, lexicons, asked, seed, edit_rate=0.2) for seed in range(40)]
    assert len({edit.text for edit in together}) > (10 if name in LETTERS else 2)


def test_the_hash_seed_of_python_changes_nothing(lexicons: dict[str, dict[str, str]]) -> None:
    names = [*EVERY, "clare"]
    code = (
        "from robustmel.attacks import ATTACKS; from robustmel.types import Query;"
        "asks = [Query(str(n), 'A man painted red walls, a big scarlet flag and boxes of Oslo', 'Oslo', None, None, ()) for n in range(3)];"
        f"attacks = [ATTACKS.create(name, edit_rate=0.6, **{lexicons!r}.get(name, {{}})) for name in {names!r}];"
        "print(*[attack.perturb(asks, None, [None] * 3, list(range(3))) for attack in attacks], sep='\\n')"
    )
    printed = [
        subprocess.run(
            [sys.executable, "-c", code], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    ]
    assert printed[0] == printed[1]
    lines = printed[0].splitlines()
    assert len(lines) == len(names)
    assert all(b"changes=(TextChange" in line for line in lines)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize(
    ("text", "surface", "span", "why"),
    [
        ("", "", None, "the mention is not in the text"),
        ("Red walls.", "Oslo", None, "the mention is not in the text"),
        ("Red walls.", "Oslo", (0, 3), "the mention is not in the text"),
        ("Oslo", "Oslo", (0, 4), "no word may be edited"),
        ("Oslo, 2008 … 👩‍👩‍👧", "Oslo", (0, 4), "no word may be edited"),
        ("Mozart's", "Mozart", (0, 6), "no word may be edited"),
    ],
)
def test_what_cannot_be_attacked_stays_and_is_marked(
    name: str, text: str, surface: str, span: tuple[int, int] | None, why: str, lexicons: dict[str, dict[str, str]]
) -> None:
    edit = attacked(name, lexicons, Query("q", text, surface, span, None, ()))
    assert (edit.text, edit.surface, edit.edits, edit.changes) == (text, surface, 0, ())
    assert edit.note == f"nothing edited: {why}"


@pytest.mark.parametrize(("name", "sentence"), [("qwerty", "Привет из города "), ("char_swap", "北京 "), ("wordnet", "Привет "), ("embedding", "שלום ")])  # fmt: skip
def test_a_script_without_means_is_left_alone_and_marked(name: str, sentence: str, lexicons: dict[str, dict[str, str]]) -> None:
    assert attacked(name, lexicons, query(sentence, "")).note == "nothing edited: no word can be edited"
    mixed = attacked(
        name, lexicons, query(f"{sentence} walls ", ""), edit_rate=1.0, **({} if name != "embedding" else {"min_cosine": -1.0})
    )
    assert mixed.note.startswith("fewer words edited than asked") or name == "embedding"
    assert sentence in mixed.text


@pytest.mark.parametrize("name", LETTERS)
def test_weaker_protection_reaches_the_mention(name: str, lexicons: dict[str, dict[str, str]]) -> None:
    """The surface is what is asked about, and stays; a mention that was edited has no place any more."""
    asked = query("in [START_ENT] ", " [END_ENT].")
    assert attacked(name, lexicons, asked, edit_rate=1.0).note == "nothing edited: no word may be edited"
    for protect, markers in (("markers", True), ("none", False)):
        edit = attacked(name, lexicons, asked, edit_rate=1.0, protect=protect)
        assert edit.span is None
        assert edit.surface == MENTION not in edit.text
        assert ("[START_ENT]" in edit.text and "[END_ENT]" in edit.text) == markers
    straddling = query("old pre", "post old")
    assert [
        change.old.strip() for change in attacked(name, lexicons, straddling, protect="markers", edit_rate=1.0).changes
    ] == ["old", "old"]
    assert attacked(name, lexicons, straddling, protect="none", edit_rate=0.8).span is None


def test_a_deleted_word_takes_one_space_with_it(lexicons: dict[str, dict[str, str]]) -> None:
    for seed in range(20):
        edit = attacked("word_delete", lexicons, query("Tall walls (red ones) of ", ", said Ann."), seed)
        assert edit.text in {
            f"{left}{MENTION}{right}"
            for left, right in [
                ("walls (red ones) of ", ", said Ann."), ("Tall (red ones) of ", ", said Ann."), ("Tall walls (ones) of ", ", said Ann."),
                ("Tall walls (red) of ", ", said Ann."), ("Tall walls (red ones) of ", ", Ann."), ("Tall walls (red ones) of ", ", said."),
            ]
        }  # fmt: skip
    assert attacked("word_delete", lexicons, query("Red ", "", "wall"), protect="none", edit_rate=1.0).note.endswith(
        "no text would be left"
    )


def test_ten_thousand_characters_of_two_scripts(lexicons: dict[str, dict[str, str]]) -> None:
    asked = query("Red walls и стены. " * 550, "")
    assert [attacked(name, lexicons, asked, edit_rate=0.02).edits for name in LETTERS] == [44, 44, 44]
    assert attacked("char_swap", lexicons, asked, edit_rate=1.0).edits == 2200


@pytest.mark.parametrize("text", ["🇫a🇷 b Oslo", "\rwall\n b Oslo", "क् wall ष Oslo"])
def test_no_two_graphemes_become_one(text: str, lexicons: dict[str, dict[str, str]]) -> None:
    asked = Query("q", text, "Oslo", None, None, ())
    for seed in range(8):
        edit = attacked("word_delete", lexicons, asked, seed, edit_rate=1.0, stop_words=True)
        assert set(regex.findall(r"\X", edit.text)) <= set(regex.findall(r"\X", text))
        assert edit.edits


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"edit_rate": 0}, "edit_rate = 0"),
        ({"edit_rate": 1.5}, "it is a share"),
        ({"edit_rate": "lots"}, "is not a number"),
        ({"protect": "all"}, 'unknown protect "all"'),
        ({"stop_words": "yes"}, "must be true or false"),
    ],
)
def test_values_out_of_range_are_told(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        ATTACKS.create("qwerty", **given)


def test_a_mention_without_a_span_is_protected_wherever_it_stands(lexicons: dict[str, dict[str, str]]) -> None:
    asked = Query("q", "Red Oslo walls, Oslo flags", "Oslo", None, None, ())
    edit = attacked("qwerty", lexicons, asked, edit_rate=1.0)
    assert (edit.text.count("Oslo"), edit.edits, edit.span) == (2, 3, None)


def test_the_log_of_a_grid_lists_the_changes(tmp_path: Path) -> None:
    """Through the stage: the changes of the log make the text of the overlay out of the data set's own."""
    import json

    import pyarrow.parquet as pq

    import robustmel

    data = robustmel.load_dataset("world-news", split="test")[:5]
    robustmel.attack("clip-world", data, {"name": "qwerty", "edit_rate": 0.4}, task="IT2T", store=tmp_path, device="cpu")
    (file,) = tmp_path.glob("variant/*/*/log.parquet")
    for mention, row in zip(data, pq.read_table(file).to_pylist(), strict=True):
        text = mention.text
        for change in reversed(json.loads(row["changes"])):
            assert text[change["start"] : change["end"]] == change["old"]
            text = text[: change["start"]] + change["new"] + text[change["end"] :]
        assert text == row["text"] != mention.text


def test_a_stage_refuses_changes_that_do_not_make_the_text(tmp_path: Path) -> None:
    from robustmel.attacks.text.qwerty import Qwerty
    from robustmel.errors import RobustMELError
    from robustmel.kb import KnowledgeBase
    from robustmel.run.stages.perturb_texts import TextAttackContext, perturb_texts

    class Lying(Qwerty):
        def perturb(self, *given: Any) -> list[TextEdit]:
            return [edit._replace(text=edit.text + "!") for edit in super().perturb(*given)]

    for attack, refused in ((Qwerty(), False), (Lying(), True)):
        context = TextAttackContext(attack, None, KnowledgeBase(()), "typos", 0)
        (tmp_path / str(refused)).mkdir()
        with pytest.raises(RobustMELError, match="do not make its text") if refused else nullcontext():
            perturb_texts([query("Red walls of ", "")], [None], context, 4, tmp_path / str(refused), lambda *_: None)


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_every_eligible_word_is_as_likely_as_the_others(rate: float) -> None:
    """One edit is drawn without counting what is eligible, several from the list of it: of six words one, and three."""
    asked = query("the red walls, 2008 and tall flags of a brown house by ", ".")
    edits = ATTACKS.create("word_delete", edit_rate=rate).perturb([asked] * 1200, None, [None] * 1200, range(1200))
    counts = Counter(change.old.strip() for edit in edits for change in edit.changes)
    assert sorted(counts) == ["brown", "flags", "house", "red", "tall", "walls"]
    assert counts.total() == 1200 * (1 if rate < 0.2 else 3)
    assert sum((count - counts.total() / 6) ** 2 / (counts.total() / 6) for count in counts.values()) < 20.5  # chance: 0.001
