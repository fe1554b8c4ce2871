from __future__ import annotations

import pytest

from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.linkers.copy_surface import CopySurface
from robustmel.types import Entity, Query

KB = KnowledgeBase([Entity("E1", "Georgia"), Entity("E2", "Georgia"), Entity("E3", "Peru", aliases=("Georgia",))])


def asked(surface: str, candidates: tuple[str, ...] | None = None) -> Query:
    return Query("q", "", surface, None, None, candidates)


def test_the_surface_is_the_answer_where_it_is_a_name_letter_by_letter() -> None:
    linker = CopySurface(KB)
    both, folded, nobody = linker.link([asked("Georgia"), asked("peru"), asked("Lima")], "T2T")
    assert (both.ranked, both.scores, both.text, both.status) == (("E1", "E2"), (1.0, 1.0), "Georgia", "ok")
    assert (folded.ranked, folded.status) == ((), "unknown_name")
    assert (nobody.ranked, nobody.status, nobody.error) == ((), "unknown_name", None)


def test_it_stays_among_the_candidates() -> None:
    assert CopySurface(KB).link([asked("Georgia", ("E3", "E2"))], "IT2T")[0].ranked == ("E2",)


def test_an_image_alone_cannot_be_copied() -> None:
    with pytest.raises(UsageError, match="no task"):
        CopySurface(KB).link([asked("Peru")], "I2T")
