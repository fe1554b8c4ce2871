"""What the encyclopaedia is searched for."""

from hypothesis import given
from hypothesis import strategies as st

from robustmel.retrieval.wikimedia.articles import search_query, title_of


@given(st.text(max_size=400), st.lists(st.text(max_size=30), max_size=8))
def test_a_search_holds_quoted_phrases_alone(label: str, keywords: list[str]) -> None:
    query = search_query(label, keywords)
    assert len(query) <= 300
    assert query == "" or (query.startswith('"') and query.endswith('"'))
    assert query.replace('" "', "").count('"') in (0, 2)
    assert not set(query) & set("\\*?~")


@given(st.text(max_size=300))
def test_a_title_that_may_be_asked_for_stays_one_title(name: str) -> None:
    title = title_of(name)
    assert "|" not in title
    assert len(title.encode("utf-8", "replace")) <= 255
    assert title_of(title) == title
