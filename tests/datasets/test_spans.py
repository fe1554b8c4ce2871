import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustmel.datasets.spans import locate, recover

WORDS = st.lists(st.sampled_from(["Ada", "of", "Löwe", "1st", "x"]), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("surface", "text", "found", "rule"),
    [
        ("John Barrow 1st Baronet", "Sir John Barrow, 1st Baronet, 1764", "John Barrow, 1st Baronet", "punctuation"),
        ("born 11932", "born 1,1932 in Vienna", "born 1,1932", "punctuation"),
        ("Hermann Beckerath", "Hermann von Beckerath.", "Hermann von Beckerath", "gap"),
        ("Hermann Beckerath", "Hermann the elder and Hermann von Beckerath", "Hermann von Beckerath", "gap"),
        ("Count Camillo", "Camillo Count Marcolini", "Camillo Count", "order"),
        ("strasse", "die Straße", "Straße", "punctuation"),
    ],
)
def test_a_surface_is_recovered_by_the_first_rule_that_fits(surface: str, text: str, found: str, rule: str) -> None:
    recovered = recover(surface, text)
    assert recovered is not None
    assert (text[slice(*recovered[0])], recovered[1]) == (found, rule)


@pytest.mark.parametrize(("surface", "text"), [("", "text"), ("...", "a ... b"), ("Ada Lovelace", "Ada Byron"), ("Ada", "")])
def test_what_is_not_there_is_not_found(surface: str, text: str) -> None:
    assert recover(surface, text) is None


@given(WORDS, WORDS)
def test_a_recovered_stretch_holds_every_word_and_exists_whenever_they_all_occur(wanted: list[str], spoken: list[str]) -> None:
    surface, text = " ".join(wanted), ", ".join(spoken)
    found = recover(surface, text)
    letters = "".join(wanted).casefold()
    possible = all(spoken.count(word) >= wanted.count(word) for word in wanted) or letters in "".join(spoken).casefold()
    assert (found is not None) == possible
    if found is not None and found[1] != "punctuation":
        held = text[slice(*found[0])].split(", ")
        assert all(held.count(word) >= wanted.count(word) for word in wanted)
        assert held[0] in wanted
        assert held[-1] in wanted


@given(st.text(), st.text())
def test_spans_lie_inside_the_text(surface: str, text: str) -> None:
    for span in (locate(surface, text), (recover(surface, text) or (None,))[0]):
        assert span is None or 0 <= span[0] < span[1] <= len(text)
