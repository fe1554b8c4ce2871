"""A knowledge base with shared names and uneven popularity."""

from __future__ import annotations

import pytest

from robustmel.kb import KnowledgeBase
from robustmel.types import Entity


@pytest.fixture
def kb() -> KnowledgeBase:
    return KnowledgeBase(
        [
            Entity("gala", "Royal Gala", aliases=("apple",), description="red and yellow apple", popularity=1),
            Entity("smith", "Granny Smith", aliases=("apple",), description="green apple", popularity=5),
            Entity("juice", "Bravo", description="juice of the apple, in a carton"),
            Entity("pear", "Conference", aliases=("pear",), description="long green pear"),
            Entity("pepper", "Green pepper", aliases=("pepper",), description="crisp vegetable"),
            Entity("milk", "Arla milk", description="fresh milk", popularity=9),
            Entity("c", "C", description="a letter"),
        ]
    )
