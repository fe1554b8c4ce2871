import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustmel.retrieval.sentences import sentences
from robustmel.world.knowledge_base import world_knowledge_base


@pytest.mark.parametrize(
    "text",
    [
        "Apple Inc. is a technology company.|It was founded in Cupertino by S. Jobs.",
        "J. R. R. Tolkien was an English writer.|He lived in Oxford.",
        "He worked at Apple Inc.|He left.",
        "Dr. Mary Smith (b. 3 Jan. 1950 in St. Louis, Mo.) is a chemist.|She won a prize!|Which?|The first.",
        "She lives in the U.S.|The Washington Post wrote of No. 10 and of vol. 3, e.g. on p. 4.",
        "The U.S. Army and Mr. T. met.|They said no.|Then they left.",
        "It cost $3.14 million.|In 2001 it rose to 4.",
        "“It is late.”|She went home.",
        "北京是中国的首都。|它很大。",
        "दिल्ली भारत की राजधानी है।|वह बड़ी है।",
        "Heading without a stop|Next paragraph.",
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str) -> None:
    parts = text.split("|")
    joint = "\n" if "Heading" in text else "" if "。" in text else " "
    assert sentences(joint.join(parts)) == parts


def test_the_world_has_four_sentences_an_entity_or_so() -> None:
    for entity in world_knowledge_base():
        plain_stops = entity.text.replace("St. ", "St ").count(". ") + 1
        assert len(sentences(entity.text)) == plain_stops, entity.text


@given(st.text(alphabet="aB.!?。 \n(J”", max_size=80))
def test_nothing_is_lost_or_added(text: str) -> None:
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())
