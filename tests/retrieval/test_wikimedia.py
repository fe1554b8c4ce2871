import gzip
import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from robustmel.errors import MissingError, UsageError
from robustmel.fetch.client import ForbiddenError, PoliteClient
from robustmel.fetch.hosts import Hosts
from robustmel.retrieval.evidence import Evidence
from robustmel.retrieval.evidence_store import EvidenceStore
from robustmel.retrieval.pages import PageText
from robustmel.retrieval.wikimedia.encyclopaedia import Encyclopaedia
from robustmel.types import Entity

_SPEC = importlib.util.spec_from_file_location("wiki_double", Path(__file__).with_name("wiki_double.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
wiki_double = importlib.util.module_from_spec(_SPEC)
sys.modules["wiki_double"] = wiki_double
_SPEC.loader.exec_module(wiki_double)
Wiki, said = wiki_double.Wiki, wiki_double.said


@pytest.fixture
def httpserver() -> Iterator[HTTPServer]:
    with HTTPServer(threaded=True) as server:
        yield server


@pytest.fixture
def wiki(httpserver: HTTPServer) -> Any:
    wiki = Wiki(httpserver)
    wiki.item("Q312", "Apple Inc.", "technology company", "Apple Inc.")
    wiki.article("Apple Inc.", "Apple Inc. is a company. It sells telephones. Its sign is an apple.", "Q312")
    wiki.item("Q89", "apple", "fruit", "Apple")
    wiki.article("Apple", "An apple is a fruit. It grows on trees.", "Q89")
    wiki.item("Q7", "Ardale", "village")
    return wiki


@pytest.fixture
def slept() -> list[float]:
    return []


Opened = Callable[..., Encyclopaedia]


@pytest.fixture
def opened(wiki: Any, slept: list[float], tmp_path: Path) -> Opened:
    def encyclopaedia(**more: Any) -> Encyclopaedia:
        client = PoliteClient("a@example.org", Hosts(loopback=True), slept.append, max_bytes=5 * 2**20, deadline=5)
        addresses = {"wikidata": wiki.wikidata, "wikipedia": wiki.wikipedia}
        return Encyclopaedia(**({"store": tmp_path / "store", "client": client} | addresses | more))

    return encyclopaedia


def texts(evidence: list[list[Evidence]]) -> list[list[str]]:
    return [[passage.text for passage in own] for own in evidence]


APPLE = Entity("apple", "Apple", qid="Q312")
SIGN = ["Its sign is an apple.", "Apple Inc. is a company.", "It sells telephones.", "technology company"]


def test_an_item_leads_to_its_article_and_its_description(wiki: Any, opened: Opened) -> None:
    ((*own,),) = PageText(opened()).retrieve([APPLE], ["sign"])
    assert texts([own]) == [SIGN]
    assert {(passage.entity, passage.source, passage.revision) for passage in own} == {
        ("apple", "enwiki", "100"),
        ("apple", "wikidata", "3120"),
    }
    assert datetime.fromisoformat(own[0].fetched_at).tzinfo is not None
    assert len(wiki.requests) == 2


def test_merged_missing_and_deleted_items_are_told_apart(wiki: Any, opened: Opened) -> None:
    wiki.merged["Q999"] = "Q312"
    entities = [Entity("Q999", "Old Apple"), Entity("Q404", "Nobody"), Entity("Q89", "apple"), Entity("x", "Apple Inc.")]
    merged, missing, fruit, titled = texts(PageText(opened()).retrieve(entities, ["sign"]))
    assert merged == SIGN
    assert missing == []
    assert fruit == ["An apple is a fruit.", "It grows on trees.", "fruit"]
    assert titled == SIGN[:3]


def test_titles_are_followed_through_case_redirects_and_circles(wiki: Any, opened: Opened) -> None:
    wiki.redirects |= {"Apple computer": "Apple Computer", "Apple Computer": "Apple Inc.", "Round": "About", "About": "Round"}
    names = ["apple computer", "Apple Inc.", "Apple_Inc.", "Round", "Bad[title]", "a|b", "x" * 256, "", "Nope", "Zu\u0308rich"]
    wiki.article("Zürich", "Zürich is a city.")
    entities = [Entity(f"e{place}", name) for place, name in enumerate(names)]
    evidence = texts(PageText(opened()).retrieve(entities))
    assert [bool(own) for own in evidence] == [True, True, True, False, False, False, False, False, False, True]
    assert evidence[0] == evidence[1] == evidence[2]


def test_extracts_that_come_in_pieces_are_put_together(wiki: Any, opened: Opened) -> None:
    wiki.extracts_a_piece = 1
    for number in range(9):
        wiki.article(f"Page {number}", f"Page {number} is one of nine.")
    evidence = PageText(opened()).retrieve([Entity(f"e{number}", f"Page {number}") for number in range(9)])
    assert texts(evidence) == [[f"Page {number} is one of nine."] for number in range(9)]


def test_lists_of_meanings_and_items_without_article_are_searched_with_fewer_words_each_time(wiki: Any, opened: Opened) -> None:
    wiki.article("Mercury", "Mercury may refer to: a planet.", ambiguous=True)
    wiki.article("Mercury (planet)", "Mercury is a planet.", "Q308")
    wiki.article("Winged sandals", "Sandals have wings. Mercury wears them. Quicksilver does not.")
    wiki.article("Freddie", "Mercurys were many.")
    keywords = [f"w{number}" for number in range(8)]
    wiki.hits['"Mercury" "w0" "w1" "w2"'] = ["Freddie", "Winged sandals"]
    wiki.hits['"Mercury"'] = ["Freddie", "Winged sandals", "Mercury (planet)"]
    planet, other = Entity("Q308", "Mercury"), Entity("m", "Mercury", qid="Q55")
    evidence = texts(PageText(opened()).retrieve([planet, other], keywords))
    assert evidence == [["Mercury is a planet."], ["Mercury wears them."]]
    searches = [asked["gsrsearch"] for asked in wiki.requests if "gsrsearch" in asked]
    assert searches == [" ".join(f'"{word}"' for word in ("Mercury", *keywords[:n])) for n in (8, 3, 0)]


def test_an_article_of_another_item_is_no_evidence(wiki: Any, opened: Opened) -> None:
    wiki.item("Q5", "Pomme", "a band", article="Apple")
    assert texts(PageText(opened()).retrieve([Entity("Q5", "Pomme")])) == [["a band"]]


@pytest.mark.parametrize(
    "fault",
    [
        lambda: said({"error": {"code": "maxlag", "info": "Waiting", "lag": 6.2}}, Retry_After="7"),
        lambda: said({"error": {"code": "ratelimited", "info": "slowly"}}, Retry_After="7"),
        lambda: said({"error": {"code": "internal_api_error_DBQueryError", "info": "oh"}}, Retry_After="7"),
        lambda: Response("", 429, headers={"Retry-After": "7.0"}),
        lambda: Response("", 503, headers={"Retry-After": "7"}),
        lambda: Response("<html>Our servers are busy</html>", headers={"Retry-After": "7"}),
        lambda: Response('{"entities": {"Q312"', headers={"Retry-After": "7"}),
        lambda: Response("", headers={"Retry-After": "7"}),
        lambda: Response("[]", headers={"Retry-After": "7"}),
        lambda: Response("[" * 100_000, headers={"Retry-After": "7"}),
    ],
)
def test_what_is_no_answer_is_asked_for_again_and_never_kept(wiki: Any, opened: Opened, slept: list[float], fault: Any) -> None:
    wiki.faults = [fault() for _ in range(4)]
    encyclopaedia = opened()
    assert texts(PageText(encyclopaedia).retrieve([APPLE], ["sign"])) == [SIGN]
    assert all(seconds >= 7 for seconds in slept)
    assert len(slept) == 4
    assert encyclopaedia.failed == {}
    assert len([*encyclopaedia.store.lines()]) == 2


def test_a_truncated_body_is_asked_for_again(wiki: Any, opened: Opened) -> None:
    wiki.faults = [Response('{"a": 1', headers={"Content-Length": "500"})]
    assert texts(PageText(opened()).retrieve([APPLE], ["sign"])) == [SIGN]


def test_a_storm_that_does_not_end_leaves_everyone_a_row_and_says_why(wiki: Any, opened: Opened) -> None:
    wiki.faults = [Response("", 429) for _ in range(1000)]
    encyclopaedia = opened()
    entities = [Entity(f"Q{number}", f"Name {number}") for number in range(1, 501)]
    assert PageText(encyclopaedia).retrieve(entities) == [[]] * 500
    assert len(wiki.requests) <= 2 * 3 * 5  # three batches of each wiki, five tries each
    assert set(encyclopaedia.failed) >= {entity.id for entity in entities}
    assert "status 429" in encyclopaedia.failed["Q1"]
    wiki.faults = []
    wiki.requests.clear()
    assert texts(PageText(opened()).retrieve([APPLE], ["sign"])) == [SIGN]  # nothing of the storm was kept


def test_a_refusal_stops_all(wiki: Any, opened: Opened, slept: list[float]) -> None:
    wiki.faults = [Response("<html>Please set a user-agent and respect our robot policy</html>", 403)]
    with pytest.raises(ForbiddenError, match="contact"):
        PageText(opened()).retrieve([APPLE])
    assert slept == []


def test_a_bomb_is_cut_off_and_only_what_it_stands_for_is_lost(wiki: Any, opened: Opened) -> None:
    bomb = gzip.compress(bytes(100 * 2**20))
    wiki.faults = [Response(bomb, headers={"Content-Encoding": "gzip"})]
    encyclopaedia = opened()
    assert texts(PageText(encyclopaedia).retrieve([APPLE], ["sign"])) == [[]]
    assert encyclopaedia.failed == {"Q312": "over 5 MB."}
    wiki.faults = [Response(bomb, headers={"Content-Encoding": "gzip"})]
    evidence = PageText(encyclopaedia).retrieve([APPLE, Entity("Q89", "apple")], ["sign"])  # asked for in two halves
    assert [own[-1].text for own in evidence] == ["technology company", "fruit"]


def test_what_the_server_refuses_is_singled_out(wiki: Any, opened: Opened) -> None:
    wiki.refused_ids = {"Q13"}
    for number in range(10, 20):
        wiki.item(f"Q{number}", f"Name {number}", f"number {number}")
    encyclopaedia = opened()
    entities = [Entity(f"Q{number}", f"Name {number}") for number in range(10, 20)] + [Entity("Q0123", "malformed")]
    evidence = texts(PageText(encyclopaedia).retrieve(entities))
    assert evidence == [[f"number {number}"] if number != 13 else [] for number in range(10, 20)] + [[]]
    assert set(encyclopaedia.failed) == {"Q13"}
    assert not any("Q0123" in asked.get("ids", "") for asked in wiki.requests)


def test_a_page_that_breaks_every_answer_it_is_in_costs_nobody_else_the_evidence(wiki: Any, opened: Opened) -> None:
    names = [f"Name {number}" for number in range(20)]
    for name in names:
        wiki.article(name, f"{name} is a thing.")
    wiki.breaking = {"Name 7"}
    encyclopaedia = opened()
    evidence = texts(PageText(encyclopaedia).retrieve([Entity(name, name) for name in names]))
    assert [bool(own) for own in evidence] == [name != "Name 7" for name in names]
    assert "Name 7" in encyclopaedia.failed


def test_a_thousand_candidates_cost_at_most_120_requests(wiki: Any, opened: Opened) -> None:
    for number in range(1000, 2000):
        has_article = number % 25 != 0
        wiki.item(f"Q{number}", f"Name {number}", f"number {number}", f"Name {number}" if has_article else "")
        if has_article:
            wiki.article(f"Name {number}", f"Name {number} is a thing.", f"Q{number}")
    entities = [Entity(f"Q{number}", f"Name {number}") for number in range(1000, 2000)]
    evidence = PageText(opened()).retrieve(entities)
    assert all(evidence)
    assert len(wiki.requests) == 20 + 48 + 40 <= 120  # ids, titles, and a search for each of the forty without an article
    wiki.requests.clear()
    assert PageText(opened()).retrieve(entities) == evidence
    assert wiki.requests == []


def test_a_replay_without_network_gives_the_same_bytes_and_fails_loudly_on_a_miss(
    wiki: Any, opened: Opened, tmp_path: Path
) -> None:
    wiki.article("Mercury", "Mercury may refer to: a planet.", ambiguous=True)
    entities = [APPLE, Entity("Q89", "apple"), Entity("Q7", "Ardale"), Entity("m", "Mercury")]
    evidence = PageText(opened()).retrieve(entities, ["sign"])
    asked = len(wiki.requests)
    replay = Encyclopaedia(tmp_path / "store", offline=True)
    assert PageText(replay).retrieve(entities, ["sign"]) == evidence
    assert len(wiki.requests) == asked
    with pytest.raises(MissingError, match=r'lacks 1 of what is asked for \(first: item en 1, "Q1"\)'):
        PageText(replay).retrieve([*entities, Entity("Q1", "universe")], ["sign"])
    with pytest.raises(MissingError, match="offline = true"):
        PageText(replay).retrieve(entities, ["another"])  # another search for Mercury
    with pytest.raises(MissingError, match="no evidence in"):
        Encyclopaedia(tmp_path / "nowhere", offline=True)
    snapshot = tmp_path / "evidence.jsonl"
    replay.store.write(snapshot)
    copy = EvidenceStore(tmp_path / "copy")
    copy.read(snapshot)
    assert copy.digest() == replay.store.digest()
    assert PageText(Encyclopaedia(tmp_path / "copy", offline=True)).retrieve(entities, ["sign"]) == evidence


def test_what_one_entity_gets_does_not_depend_on_the_others(wiki: Any, opened: Opened, tmp_path: Path) -> None:
    entities = [APPLE, Entity("Q89", "apple"), Entity("Q7", "Ardale")]
    together = texts(PageText(opened()).retrieve(entities, ["tree"]))
    alone = [texts(PageText(opened(store=tmp_path / entity.id)).retrieve([entity], ["tree"]))[0] for entity in entities]
    assert together == alone


def test_without_a_contact_nothing_is_begun(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a contact"):
        Encyclopaedia(tmp_path / "store")
    with pytest.raises(UsageError, match="no language"):
        Encyclopaedia(tmp_path / "store", "a@example.org", language="evil.example/")


def test_what_is_not_there_is_asked_for_again_after_a_day_and_drift_is_counted(tmp_path: Path) -> None:
    now, fetched = [datetime(2026, 1, 1, tzinfo=UTC)], []

    def fetch(some: list[str]) -> Iterator[dict[str, tuple[Any, str]]]:
        fetched.append(some)
        yield {text: (None if text == "nothing" else {"a": 1}, f"r{len(fetched)}") for text in some}

    store = EvidenceStore(tmp_path / "s", older=30, now=lambda: now[0])
    for days, expected in ((0, ["here", "nothing"]), (0.5, None), (1, ["nothing"]), (40, ["here", "nothing"])):
        now[0] += timedelta(days=days)
        before = len(fetched)
        assert set(store.payloads("item", ["here", "nothing"], fetch)) == {"here", "nothing"}
        assert fetched[before:] == ([] if expected is None else [expected])
    assert store.drifted == 3


def test_batches_are_kept_one_by_one(tmp_path: Path) -> None:
    def broken(some: list[str]) -> Iterator[dict[str, tuple[Any, str]]]:
        yield {"a": ({"x": "ä"}, "1")}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        EvidenceStore(tmp_path / "s").payloads("item", ["a", "b"], broken)
    assert json.loads(next(EvidenceStore(tmp_path / "s").lines()))["payload"] == {"x": "ä"}


def test_an_article_that_was_edited_lately_is_read_as_it_was_before(wiki: Any, opened: Opened) -> None:
    old, now = "2020-01-01T00:00:00Z", datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    html = "<div><table><tr><td><p>box</p></td></tr></table><p>Apple&nbsp;was <b>a firm</b><sup>[1]</sup>.</p><p> </p></div>"
    wiki.article("Mercury", "Mercury is a planet.")  # new, and nothing before it
    wiki.revisions = {"Apple Inc.": [(7, old, html), (100, now, "")], "Apple": [(101, old, "")], "Mercury": [(102, now, "")]}
    entities = [APPLE, Entity("Q89", "apple"), Entity("x", "Mercury")]
    firm, fruit, planet = PageText(opened(min_age=7)).retrieve(entities)
    assert [(part.text, part.revision) for part in firm] == [("Apple was a firm.", "7"), ("technology company", "3120")]
    assert [part.text for part in fruit] == ["An apple is a fruit.", "It grows on trees.", "fruit"]
    assert planet == []
    assert (
        len(wiki.requests) == 2 + 1 + 2 + 1 + 1
    )  # items, articles; their times; an older revision, its text; none of Mercury; a search
    assert texts(PageText(opened()).retrieve([APPLE], ["sign"])) == [SIGN]  # kept apart in one store
    with pytest.raises(UsageError, match="no number of days"):
        opened(min_age=-1)
