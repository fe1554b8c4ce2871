from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustmel.defences import DEFENCES
from robustmel.images import file_digest
from robustmel.item_seeds import item_seed
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.linkers.mllm.linker import MLLM
from robustmel.registry import Component
from robustmel.run import keys
from robustmel.run.components import Defended, component_spec
from robustmel.run.keys import canonical, content_key, kb_digest, mentions_digest
from robustmel.types import Entity, Mention

GOLDEN = Path(__file__).parent / "golden_keys.json"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_a_key_survives_json(value: object) -> None:
    assert content_key(json.loads(canonical(value))) == content_key(value)


@given(st.dictionaries(st.text(), st.integers(), min_size=2, max_size=6))
def test_the_order_of_a_table_does_not_matter(table: dict[str, int]) -> None:
    assert content_key(table) == content_key(dict(reversed(list(table.items()))))


@given(st.dictionaries(st.text(), st.text()))
def test_items_one_by_one_have_the_key_of_their_dictionary(table: dict[str, str]) -> None:
    assert keys.pairs_key(sorted(table.items())) == content_key(table)


def test_a_path_has_no_canonical_form() -> None:
    with pytest.raises(TypeError):
        canonical({"file": Path("weights")})


def test_golden_keys_have_not_moved(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"not really a picture")
    entities = KnowledgeBase([Entity("e1", "Chad", ("Tchad",), "Q657"), Entity("e2", "Romania", popularity=2.5)])
    mentions = [
        Mention("m1", "e1", "Chad", "Chad plays.", (0, 4), tmp_path / "a.png", ("e1", "e2"), "test"),
        Mention("m2", None, "chad", image=tmp_path / "absent.png"),
    ]
    found = {
        "content": content_key({"stage": "rows", "eps": 8 / 255, "names": ["é", "\ud83d\ude00"], "none": None}),
        "kb": kb_digest(entities),
        "mentions": mentions_digest("news", mentions),
        "file": file_digest(tmp_path / "a.png"),
        "seed": str(item_seed(7, "pgd", "m1")),
    }
    assert found == json.loads(GOLDEN.read_text())


def test_an_edited_image_gives_another_digest(tmp_path: Path) -> None:
    image = tmp_path / "a.png"
    image.write_bytes(b"one")
    mention = Mention("m", "e", "surface", image=image)
    before = mentions_digest("news", [mention])
    image.write_bytes(b"two!")
    assert mentions_digest("news", [mention]) != before
    image.unlink()
    assert file_digest(image) == "missing"


def test_the_release_of_a_library_that_reads_model_folders_is_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    def releases(**installed: str) -> dict[str, object]:
        versions = {"pillow": "13.0.0", "tokenizers": "0.23.3", "transformers": "5.23.0"} | installed
        monkeypatch.setattr(keys, "version", versions.__getitem__)
        keys.library_releases.cache_clear()
        problems: list[str] = []
        spec = component_spec(LINKERS, Component("clip-world"), problems)
        assert spec is not None
        assert problems == []
        return spec.identity

    now = releases()
    assert now["libraries"] == {"pillow": "13.0", "tokenizers": "0.23", "transformers": "5.23"}
    assert releases(transformers="5.23.4") == now  # bug fixes redo nothing
    assert releases(transformers="5.24.0") != now != releases(pillow="13.1.0")
    monkeypatch.undo()
    keys.library_releases.cache_clear()


def test_item_seeds_do_not_depend_on_the_hash_seed() -> None:
    code = "from robustmel.item_seeds import item_seed; print(item_seed(3, 'apgd', 'mention'))"
    seeds = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": value}, capture_output=True, text=True, check=True
        ).stdout
        for value in ("0", "1")
    }
    assert seeds == {f"{item_seed(3, 'apgd', 'mention')}\n"}


def test_how_sentences_are_read_is_in_the_key_where_a_defence_gives_any() -> None:
    def told(linker: str, defence: str) -> object:
        specs = [component_spec(registry, Component(name), []) for registry, name in ((LINKERS, linker), (DEFENCES, defence))]
        assert specs[0] is not None
        assert specs[1] is not None
        return Defended(*specs).identity.get("labels")

    assert told("llava-world", "retlink") == told("llava-world", "margin-gate") == MLLM.labels_version
    assert told("llava-world", "none") is told("llava-world", "jpeg") is told("clip-world", "retlink") is None
