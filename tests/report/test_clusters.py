from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from robustmel.report.clusters import clusters
from robustmel.report.results import Question


def asked(entity: str, image: str | None) -> Question:
    return Question("q", entity, "", "", image, (), entity)


def test_an_entity_and_an_image_chain_mentions_together() -> None:
    rows = [asked("a", "1"), asked("b", "2"), asked("a", "3"), asked("c", "3"), asked("d", None), asked("e", None)]
    assert clusters(rows).tolist() == [0, 1, 0, 0, 2, 3]


def test_an_image_named_like_an_entity_joins_nothing() -> None:
    assert clusters([asked("x", "y"), asked("y", "x")]).tolist() == [0, 1]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["1", "2", "3", "4", None])), max_size=12))
def test_two_mentions_are_together_if_and_only_if_a_chain_links_them(pairs: list[tuple[str, str | None]]) -> None:
    rows = [asked(*pair) for pair in pairs]
    near = [[a[0] == b[0] or (a[1] is not None and a[1] == b[1]) for b in pairs] for a in pairs]
    for middle in range(len(pairs)):  # Warshall's transitive closure
        for left in range(len(pairs)):
            for right in range(len(pairs)):
                near[left][right] |= near[left][middle] and near[middle][right]
    found = clusters(rows)
    assert [[bool(found[i] == found[j]) for j in range(len(pairs))] for i in range(len(pairs))] == near
    assert sorted(set(found.tolist())) == list(range(len(set(found.tolist()))))
