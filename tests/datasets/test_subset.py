import json
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from robustmel.datasets import DATASETS
from robustmel.errors import UsageError


@pytest.fixture(scope="module")
def melbench(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("melbench")
    for name in ("Wikidata-MEL", "Richpedia-MEL"):
        with zipfile.ZipFile(shared_data / "melbench" / f"{name}.zip") as archive:
            archive.extract(f"{name}.json", folder)
    return folder


def test_entities_of_one_data_set_that_another_lacks_are_matched_by_qid(melbench: Path) -> None:
    ours = {qid for record in json.loads((melbench / "Wikidata-MEL.json").read_text()).values() for qid in record["answer"]}
    theirs = {record["answer"] for record in json.loads((melbench / "Richpedia-MEL.json").read_text()).values()}
    assert len(ours & theirs) == 1921
    of = {"name": "wikidata-mel", "path": str(melbench)}
    other = {"name": "richpedia-mel", "path": str(melbench)}
    kept = DATASETS.create("subset", of=of, outside_of=other).load()
    assert {mention.gold for mention in kept.mentions} == ours - theirs
    assert len(kept.kb) == len(ours)
    assert kept.report.layout.endswith("not in richpedia-mel: 20,896 of 25,846 mentions")


def test_popularity_counts_training_mentions_alone(melbench: Path, tmp_path: Path) -> None:
    records = list(json.loads((melbench / "Wikidata-MEL.json").read_text()).items())
    (tmp_path / "Wikidata-MEL.json").write_text(json.dumps(dict(records[:5000])))
    of = {"name": "wikidata-mel", "path": str(tmp_path)}
    whole = DATASETS.create("wikidata-mel", path=str(tmp_path)).load()
    count = Counter(mention.gold for mention in whole.mentions if mention.split == "train")
    popular = DATASETS.create("subset", of=of, popularity="popular").load("test")
    unpopular = DATASETS.create("subset", of=of, popularity="unpopular").load("test")
    assert popular.mentions
    assert unpopular.mentions
    assert all(count[mention.gold] > 3 for mention in popular.mentions)
    assert all(count[mention.gold] <= 3 for mention in unpopular.mentions)
    assert len(popular.mentions) + len(unpopular.mentions) == len(whole.split("test").mentions)
    stricter = DATASETS.create("subset", of=of, popularity="popular", threshold=9).load("test")
    assert {one.id for one in stricter.mentions} < {one.id for one in popular.mentions}


def test_few_training_mentions_are_nested_and_other_splits_stay_whole() -> None:
    whole = DATASETS.create("world-news").load()
    few, more = (DATASETS.create("subset", of="world-news", train_limit=limit).load() for limit in (50, 200))
    ids = [{mention.id for mention in data.mentions if mention.split == "train"} for data in (few, more, whole)]
    assert (len(ids[0]), len(ids[1])) == (50, 200)
    assert ids[0] < ids[1] < ids[2]
    for split in ("validation", "test"):
        assert few.split(split).mentions == whole.split(split).mentions
    popular = DATASETS.create(
        "subset", of={"name": "subset", "of": "world-news", "train_limit": 200}, popularity="popular"
    ).load("test")
    counts = Counter(mention.gold for mention in more.mentions if mention.split == "train")
    assert {mention.id for mention in popular.mentions} == {
        one.id for one in whole.split("test").mentions if counts[one.gold] > 3
    }
    with pytest.raises(UsageError, match="at least 1"):
        DATASETS.create("subset", of="world-news", train_limit=0)


def test_a_group_without_mentions_is_empty(melbench: Path) -> None:
    of = {"name": "richpedia-mel", "path": str(melbench)}
    empty = DATASETS.create("subset", of=of, popularity="popular").load("test")
    assert empty.mentions == ()
    assert empty.name == "richpedia-mel (popular: > 3 training mentions)"


@pytest.fixture
def captions(tmp_path: Path) -> Path:
    def page(name: str) -> str:
        return f"https://en.wikipedia.org/wiki/{name}"

    rows = [
        ["A and B.", "", "sports", [["A", "Person", 0, 1, page("A")], ["B", "Location", 6, 7, page("B")]]],
        ["C.", "", "politics", [["C", "Person", 0, 1, "NIL"]]],
    ]
    for split in ("train", "valid", "test"):
        (tmp_path / f"{split}.json").write_text(json.dumps(rows))
    return tmp_path


def test_topics_and_types_combine(captions: Path) -> None:
    of = {"name": "wikidiverse", "path": str(captions)}
    persons = DATASETS.create("subset", of=of, entity_type="Person", topic="sports", name="players").load("test")
    assert [(mention.surface, persons.name) for mention in persons.mentions] == [("A", "players")]
    politics = DATASETS.create("subset", of=of, topic="politics").load("test")
    assert [mention.gold for mention in politics.mentions] == [None]


@pytest.mark.parametrize(
    ("group", "said"),
    [
        ({}, "needs a group"),
        ({"popularity": "famous"}, "famous"),
        ({"popularity": "popular", "threshold": -1}, "threshold = -1"),
        ({"outside_of": {"path": "x"}}, "has no name"),
        ({"topic": "sport"}, 'no topic "sport". Did you mean "sports"'),
        ({"entity_type": "Event"}, 'no type of entity "Event". Known: Location, Person'),
    ],
)
def test_a_group_that_is_none_is_refused(captions: Path, group: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        DATASETS.create("subset", of={"name": "wikidiverse", "path": str(captions)}, **group).load()
    assert said in str(raised.value)


def test_names_stand_in_where_an_entity_has_no_wikidata_id(captions: Path, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "mentions.jsonl").write_text('{"id": "1", "gold": "x", "surface": "a"}\n')
    (tmp_path / "own" / "entities.jsonl").write_text('{"id": "x", "name": "a"}\n{"id": "y", "name": "B"}\n')
    own = {"name": "jsonl", "path": str(tmp_path / "own")}
    kept = DATASETS.create("subset", of={"name": "wikidiverse", "path": str(captions)}, outside_of=own).load("test")
    assert [mention.gold for mention in kept.mentions] == ["B"]
