import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robustmel.datasets import DATASETS
from robustmel.errors import MissingError
from robustmel.kb import KnowledgeBase
from robustmel.kb.entities_file import open_kb
from robustmel.kb.knowledge_base import ExtendedKnowledgeBase
from robustmel.kb.stored import StoredKnowledgeBase
from robustmel.kb.write import GROUP, write_kb
from robustmel.run.keys import kb_digest
from robustmel.types import Entity

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
ENTITY = st.builds(
    Entity,
    id=TEXT,
    name=TEXT,
    aliases=st.lists(TEXT, max_size=3).map(tuple),
    qid=st.none() | TEXT,
    description=TEXT,
    text=TEXT,
    type=st.none() | TEXT,
    popularity=st.floats(0, 1e9),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(entities=st.lists(ENTITY, max_size=12, unique_by=lambda entity: entity.id), asked=TEXT)
def test_on_disk_it_answers_as_in_memory(tmp_path_factory: pytest.TempPathFactory, entities: list[Entity], asked: str) -> None:
    folder = tmp_path_factory.mktemp("kb") / "kb"
    assert write_kb(entities, folder) == len(entities)
    memory, stored = KnowledgeBase(entities), StoredKnowledgeBase(folder)
    assert tuple(stored) == stored.entities == memory.entities
    assert stored.ids == memory.ids
    assert len(stored) == len(memory)
    assert kb_digest(stored) == kb_digest(memory)
    for name in [asked, *(name for entity in entities for name in (entity.name, *entity.aliases, entity.id))]:
        assert stored.named(name) == memory.named(name)
        assert (name in stored) == (name in memory)
    for entity in entities:
        assert stored[entity.id] == entity


def test_entities_are_found_in_every_row_group(tmp_path: Path) -> None:
    entities = [Entity(f"Q{one}", f"Name {one % 100}", images=(tmp_path / "a" / f"{one}.png",)) for one in range(2 * GROUP + 7)]
    write_kb(iter(entities), tmp_path / "kb")
    stored = StoredKnowledgeBase(tmp_path / "kb")
    for place in (0, GROUP - 1, GROUP, 2 * GROUP, 2 * GROUP + 6):
        assert stored[f"Q{place}"].name == f"Name {place % 100}"
        assert stored[f"Q{place}"].images[0].resolve() == entities[place].images[0]
    assert stored.named("name 3") == tuple(f"Q{one}" for one in range(3, len(entities), 100))
    with pytest.raises(KeyError):
        stored["Q99999"]


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match='entity id "Q1" twice'):
        write_kb([Entity("Q1", "a"), Entity("Q1", "b")], tmp_path / "kb")
    assert list(tmp_path.iterdir()) == []
    write_kb([], tmp_path / "kb")
    with pytest.raises(MissingError, match="already exists"):
        write_kb([], tmp_path / "kb")
    assert len(StoredKnowledgeBase(tmp_path / "kb")) == 0


def test_what_is_no_knowledge_base_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="expected a folder that `robustmel kb build` made"):
        StoredKnowledgeBase(tmp_path)
    with pytest.raises(MissingError, match="no knowledge base at"):
        open_kb(tmp_path)
    (tmp_path / "about.json").write_text(json.dumps({"schema": 7}))
    with pytest.raises(MissingError, match="another version"):
        open_kb(tmp_path)


def test_a_given_knowledge_base_names_the_entities_of_a_data_set(tmp_path: Path) -> None:
    record = {"id": "7", "sentence": "Ada, Bo.", "mentions": ["Ada", "Bo"], "entities": ["A", "B"], "answer": ["Q1", "Q2"]}
    (tmp_path / "Wikidata-MEL.json").write_text(json.dumps({"7": record}))
    write_kb([Entity("Q9", "Nine"), Entity("Q1", "Ada Lovelace", qid="Q1")], tmp_path / "kb")
    dataset = DATASETS.create("wikimel", path=str(tmp_path), kb=str(tmp_path / "kb")).load()
    assert isinstance(dataset.kb, ExtendedKnowledgeBase)
    assert dataset.kb.ids == ("Q9", "Q1", "Q2")
    assert [dataset.kb[one].name for one in dataset.kb.ids] == ["Nine", "Ada Lovelace", "B"]
    assert dataset.kb.named("b") == ("Q2",)
    assert dataset.report.examples["not_in_given_kb"] == ["Q2"]
    assert kb_digest(dataset.kb) == kb_digest(KnowledgeBase(dataset.kb.entities))


def test_own_data_may_lie_over_a_stored_knowledge_base(tmp_path: Path) -> None:
    write_kb([Entity("Q9", "Nine"), Entity("Q1", "Ada", qid="Q1")], tmp_path / "kb")
    (tmp_path / "mentions.jsonl").write_text(
        '{"id": "1", "gold": "Q1", "surface": "Ada"}\n{"id": "2", "gold": "Q7", "surface": "x"}\n'
    )
    dataset = DATASETS.create("jsonl", path=str(tmp_path), kb=str(tmp_path / "kb")).load()
    assert isinstance(dataset.kb, StoredKnowledgeBase)
    assert dataset.kb.named("ada") == ("Q1",)
    assert dataset.report.counts["gold_not_in_kb"] == 1
