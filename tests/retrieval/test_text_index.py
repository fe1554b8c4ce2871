import json
import math
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.warm_python import start
from typer.testing import CliRunner

from robustmel.cli.kb import kb
from robustmel.errors import MissingError
from robustmel.kb.dump import read_dump
from robustmel.retrieval.pages import PageText
from robustmel.retrieval.text_index import FILE, TextIndex, build_text_index
from robustmel.types import Entity
from robustmel.world.knowledge_base import world_knowledge_base

ENTITIES = [
    Entity("georgia", "Georgia (country)", qid="Q230", text="Georgia is in the Caucasus. Its flag has five crosses."),
    Entity("state", "Georgia", qid="Q1428", text="The state lies in the south. Its flag is blue. Georgia has peaches."),
    Entity("att", "AT&T", description="telephone company", text="AT&T sells lines."),
    Entity("oneill", "Shaquille O'Neill", text="He plays. O'Neill is tall."),
    Entity("a", "A", text="A is a letter."),
    Entity("beijing", "北京", text="北京是中国的首都。它很大。"),
    Entity("tokyo", "東京", text="東京は日本の首都。"),
    Entity("seoul", "서울", text="서울은 한국의 수도이다."),
    Entity("beyonce", "Beyoncé", text="She sings. Beyoncé dances."),
    Entity("ox", "Ox", aliases=("title:x",), text="An animal."),
]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> TextIndex:
    folder = tmp_path_factory.mktemp("index") / "a b?#%"
    assert build_text_index(ENTITIES, folder) == (len(ENTITIES), 0)
    return TextIndex(folder)


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("Georgia (country)", {"georgia", "state"}),
        ("AT&T", {"att"}),
        ("O'Neill", {"oneill"}),
        ("title:x", {"ox"}),
        ("- a", {"a"}),
        ("北京", {"beijing"}),
        ("京", {"beijing", "tokyo"}),
        ("首都", {"beijing", "tokyo"}),
        ("我住在北京市", {"beijing"}),
        ("서울", {"seoul"}),
        ("Beyonce", {"beyonce"}),
        ("BEYONCÉ", {"beyonce"}),
        ('"NEAR( a b)" AND OR NOT a*', {"a"}),
        ("", set()),
        ("\x00 ☃ --", set()),
        ("nothing-of-this", set()),
    ],
)
def test_queries_mean_their_words(index: TextIndex, query: str, ids: set[str]) -> None:
    assert set(index.best(query, 20)) == ids


def test_a_query_of_thousands_of_words_is_answered(index: TextIndex) -> None:
    assert index.best(" ".join(f"w{number}" for number in range(5000)) + " peaches", 3) == ["state"]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_no_text_is_an_operator_and_every_text_finds_only_what_shares_a_word(index: TextIndex, query: str) -> None:
    hits = index.best(query, 20)
    index.search(Entity("q", query), [query])
    folded = [part for part in re.split(r"[\W_]+", query.casefold()) if part]
    assert folded or not hits


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=30))
def test_a_text_finds_itself(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("own") / "index"
    build_text_index([Entity("x", "x"), Entity("own", "own", text=text)], folder)
    if re.search(r"[^\W_]", text) and "x" not in text.casefold():
        assert TextIndex(folder).best(text, 1) == ["own"]


def test_the_order_is_that_of_bm25_by_hand(tmp_path: Path) -> None:
    entities = list(world_knowledge_base())
    build_text_index(entities, tmp_path / "index")
    texts = [" ".join((e.name, *e.aliases, e.description, e.text)).casefold() for e in entities]
    documents = [Counter(re.findall(r"[^\W_]+", text)) for text in texts]
    mean = sum(document.total() for document in documents) / len(documents)
    query = ["black", "eagle", "harbour", "tirana"]
    scores = []
    for document in documents:
        score = 0.0
        for word in query:
            holding = sum(word in other for other in documents)
            idf = math.log((len(documents) - holding + 0.5) / (holding + 0.5))
            often = document[word]
            score += idf * often * 2.2 / (often + 1.2 * (0.25 + 0.75 * document.total() / mean))
        scores.append(score)
    best = sorted(range(len(entities)), key=lambda place: (-round(scores[place], 9), place))[:10]
    assert TextIndex(tmp_path / "index").best(" ".join(query), 10) == [entities[place].id for place in best]


def test_evidence_is_that_of_the_entity_itself(index: TextIndex) -> None:
    asked = [Entity("Q230", "Sakartvelo", qid="Q230"), Entity("state", "x"), Entity("9", "AT&T"), Entity("8", "Atlantis")]
    own = PageText(index).retrieve(asked, ["flag"])
    assert [[passage.text for passage in passages] for passages in own] == [
        ["Its flag has five crosses.", "Georgia is in the Caucasus."],
        ["Its flag is blue.", "The state lies in the south.", "Georgia has peaches."],
        ["AT&T sells lines.", "telephone company"],
        [],
    ]
    assert {(passage.entity, passage.source, passage.revision) for passage in own[0]} == {("Q230", "local", "")}


def test_a_text_about_another_gives_only_the_sentences_with_the_name(index: TextIndex) -> None:
    (peaches,) = PageText(index).retrieve([Entity("p", "Peaches", qid="Q13189")], ["flag", "nowhere"])
    assert [passage.text for passage in peaches] == ["Georgia has peaches."]
    (pea,) = PageText(index).retrieve([Entity("p", "each", qid="Q7")])  # within "peaches", but no word
    assert pea == []


def test_two_of_a_name_are_not_told_apart_by_it(tmp_path: Path) -> None:
    build_text_index([Entity("1", "Paris", text="A city."), Entity("2", "Paris", text="A hero.")], tmp_path / "i")
    assert TextIndex(tmp_path / "i").of([Entity("x", "Paris"), Entity("2", "Paris")])[0] == []


def test_the_same_entities_give_the_same_bytes_and_repeated_ones_are_counted(tmp_path: Path) -> None:
    twice = [*world_knowledge_base(), *world_knowledge_base()]
    counts = [build_text_index(twice, tmp_path / name) for name in ("a", "b")]
    assert counts[0] == (len(twice) // 2, len(twice) // 2)
    assert (tmp_path / "a" / FILE).read_bytes() == (tmp_path / "b" / FILE).read_bytes()
    assert TextIndex(tmp_path / "a").size == len(twice) // 2
    with pytest.raises(MissingError, match="already exists"):
        build_text_index(twice, tmp_path / "a")


SLOW = """
import sys, time
from pathlib import Path
from robustmel.retrieval.text_index import build_text_index
from robustmel.types import Entity
def slow():
    for number in range(10**6):
        yield Entity(str(number), f"name {number}", text="some words " * 20)
        if number == 3000:
            print("there", flush=True)
build_text_index(slow(), Path(sys.argv[1]))
"""


def test_a_killed_build_leaves_nothing_and_is_repeated(tmp_path: Path) -> None:
    with start(["-c", SLOW, str(tmp_path / "i")], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "i").exists()
    with pytest.raises(MissingError, match="robustmel kb index"):
        TextIndex(tmp_path / "i")
    build_text_index(ENTITIES, tmp_path / "i")
    build_text_index(ENTITIES, tmp_path / "j")
    assert (tmp_path / "i" / FILE).read_bytes() == (tmp_path / "j" / FILE).read_bytes()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["i", "j"]


def test_a_source_that_breaks_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[Entity]:
        yield ENTITIES[0]
        raise MissingError("line 2: torn.")

    with pytest.raises(MissingError, match="torn"):
        build_text_index(broken(), tmp_path / "i")
    assert [*tmp_path.iterdir()] == []


def test_a_folder_without_an_index_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("no database")
    with pytest.raises(MissingError, match=r"no index of texts in .*; `robustmel kb index` makes one"):
        TextIndex(tmp_path)


KILT = {
    "wikipedia_id": "290",
    "wikipedia_title": "Albania",
    "text": ["Albania\n", "Albania is a country. It is old.\n", "Section::::History.\n", "Long ago."],
    "wikidata_info": {"wikidata_id": "Q222", "aliases": ["Shqipëria", "Albania"]},
}


def test_articles_in_the_layout_of_kilt_are_read(tmp_path: Path) -> None:
    pages = [KILT, {"wikipedia_id": "5", "wikipedia_title": "B", "text": "B is a letter."}, {"wikipedia_title": "no id"}]
    (tmp_path / "kilt.jsonl").write_text("\n".join(map(json.dumps, pages)), "utf-8")
    assert list(read_dump(tmp_path / "kilt.jsonl")) == [
        Entity("Q222", "Albania", ("Shqipëria",), "Q222", text="Albania is a country. It is old."),
        Entity("5", "B", text="B is a letter."),
    ]


def test_the_command_reads_a_data_set_a_file_and_articles(tmp_path: Path) -> None:
    own = tmp_path / "entities.jsonl"
    own.write_text('{"id": "a", "name": "Ada", "text": "Ada counts."}\n', "utf-8")
    (tmp_path / "kilt.jsonl").write_text(json.dumps(KILT) + "\n\n{}\n", "utf-8")
    for option, source, size in (("--dataset", "world-news", len(world_knowledge_base())), ("--entities", str(own), 1)):
        assert CliRunner().invoke(kb, ["index", option, source, "--out", str(tmp_path / option)]).exit_code == 0
        assert TextIndex(tmp_path / option).size == size
    said = CliRunner().invoke(kb, ["index", "--dump", str(tmp_path / "kilt.jsonl"), "--out", str(tmp_path / "articles")])
    assert "1 texts" in said.stderr
    assert "left out: 1 lines that hold no entity" in said.stderr
    assert TextIndex(tmp_path / "articles").best("country", 2) == ["Q222"]
