"""The client against a real MediaWiki on this machine, filled with the world's encyclopaedia."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from html import escape
from pathlib import Path

import pytest

from robustmel.fetch.client import PoliteClient
from robustmel.fetch.hosts import Hosts
from robustmel.retrieval.evidence import KnowledgeBaseText
from robustmel.retrieval.pages import PageText
from robustmel.retrieval.wikimedia.action_api import ActionApi, ApiError
from robustmel.retrieval.wikimedia.encyclopaedia import Encyclopaedia
from robustmel.types import Entity
from robustmel.world.knowledge_base import world_knowledge_base

SCRIPT = Path(__file__).with_name("mediawiki.sh")
NEEDED = "a MediaWiki: apt-get install mediawiki php-cli php-sqlite3 php-mbstring php-xml php-intl"
THERE = shutil.which("php") is not None and Path("/usr/share/mediawiki/api.php").exists()
pytestmark = pytest.mark.skipif(not THERE, reason=NEEDED)
ENTITIES = [replace(entity, qid=None, description="") for entity in list(world_knowledge_base())[:45]]
PAGE = (
    "<page><title>{}</title><ns>0</ns><revision><timestamp>2026-01-01T00:00:00Z</timestamp><contributor><username>W</username></contributor>"
    '<model>wikitext</model><format>text/x-wiki</format><text xml:space="preserve">{}</text></revision></page>'
)


def dump() -> str:
    pages = [PAGE.format(escape(entity.name), escape(entity.text)) for entity in ENTITIES]
    pages.append(PAGE.format("Shqiperia", "#REDIRECT [[Albania]]"))
    xml = "http://www.mediawiki.org/xml/export-0.10/"
    return f'<mediawiki xmlns="{xml}" version="0.10" xml:lang="en">{"".join(pages)}</mediawiki>'


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("wiki")
    (folder / "dump.xml").write_text(dump(), "utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen([str(SCRIPT), str(folder), str(port)], stdout=log, stderr=log) as wiki,
    ):
        try:
            for _ in range(240):
                if wiki.poll() is not None:
                    pytest.fail((folder / "log").read_text("utf-8", "replace")[-2000:])
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.25)
            yield f"http://127.0.0.1:{port}/api.php"
        finally:
            wiki.terminate()


def client() -> PoliteClient:
    return PoliteClient("a@example.org", Hosts(loopback=True))


@pytest.fixture
def pages(address: str, tmp_path: Path) -> PageText:
    return PageText(Encyclopaedia(tmp_path / "store", client=client(), wikipedia=address))


def test_articles_give_the_evidence_of_the_texts_they_were_made_of(pages: PageText) -> None:
    evidence = pages.retrieve(ENTITIES, ["flag", "red"])
    local = KnowledgeBaseText().retrieve(ENTITIES, ["flag", "red"])
    assert [[p.text for p in own] for own in evidence] == [[p.text for p in own] for own in local]
    assert all(passage.revision.isdecimal() and passage.source == "enwiki" for own in evidence for passage in own)


def test_redirects_and_titles_that_are_none_are_taken_as_meant(pages: PageText) -> None:
    asked = [
        Entity("a", "shqiperia"),
        Entity("b", "Albania"),
        Entity("c", "Nope zz"),
        Entity("d", "Bad[title]"),
        Entity("e", "x" * 300),
    ]
    redirected, straight, *others = pages.retrieve(asked)
    assert [passage.text for passage in redirected] == [passage.text for passage in straight] != []
    assert others == [[], [], []]


def test_a_search_finds_who_else_is_named(pages: PageText) -> None:
    (own,) = pages.retrieve([Entity("t", "Tirana")])
    assert own[0].text == "Its capital and largest city is Tirana."
    assert all("Tirana" in passage.text for passage in own)


def test_the_errors_of_the_api_are_told_from_answers(address: str) -> None:
    api = ActionApi(client(), address)
    with pytest.raises(ApiError, match="badvalue"):
        next(api.answers({"action": "nothing"}))
    with pytest.raises(ApiError, match="toomanyvalues"):
        next(api.answers({"action": "query", "titles": "|".join(f"T{number}" for number in range(51))}))
