from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustmel.errors import MissingError, UsageError
from robustmel.kb.name_trie import NameTrie
from robustmel.kb.prefix_sort import CHUNK

TOKENS = [0, 1, 2, 255, 256, 65536, 2**31 - 1]
NAMES = st.lists(st.lists(st.sampled_from(TOKENS), max_size=5), max_size=25)
HERE = "names"
"""Key of a nested dict under which the names that end there are listed."""


def nested(sequences: Sequence[Sequence[int]], max_length: int | None = None) -> dict[Any, Any]:
    root: dict[Any, Any] = {}
    for index, sequence in enumerate(sequences):
        if sequence and (max_length is None or len(sequence) <= max_length):
            node = root
            for token in sequence:
                node = node.setdefault(token, {})
            node.setdefault(HERE, []).append(index)
    return root


def nodes(node: dict[Any, Any], path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], dict[Any, Any]]]:
    yield path, node
    for token, child in node.items():
        if token != HERE:
            yield from nodes(child, (*path, token))


def walk(trie: NameTrie, path: Sequence[int]) -> int:
    state = np.array([trie.root])
    for token in path:
        state = trie.step(state, np.array([token]))
    return int(state[0])


def arrays(trie: NameTrie) -> dict[str, Any]:
    return {field.name: getattr(trie, field.name) for field in fields(trie)}


def assert_equal(trie: NameTrie, other: NameTrie) -> None:
    for name, array in arrays(trie).items():
        assert array.dtype == arrays(other)[name].dtype
        np.testing.assert_array_equal(array, arrays(other)[name])


def assert_like_dict(trie: NameTrie, sequences: Sequence[Sequence[int]], max_length: int | None = None) -> None:
    expected = dict(nodes(nested(sequences, max_length)))
    states = np.array([walk(trie, path) for path in expected])
    assert sorted(states) == list(range(len(trie.edges)))  # every state is some prefix, and no two prefixes share one
    offsets, tokens, following = trie.children(states)
    assert offsets[0] == 0
    assert offsets[-1] == len(tokens) == len(following)
    np.testing.assert_array_equal(trie.ends(states), [HERE in node for node in expected.values()])
    longest = [
        max((len(inner) - len(path) for inner in expected if inner[: len(path)] == path), default=0) for path in expected
    ]
    np.testing.assert_array_equal(trie.heights(states), longest)
    for place, (path, node) in enumerate(expected.items()):
        assert trie.tokens(int(states[place])) == path
        own = slice(offsets[place], offsets[place + 1])
        assert tokens[own].tolist() == sorted(token for token in node if token != HERE)
        assert following[own].tolist() == [walk(trie, (*path, token)) for token in tokens[own].tolist()]
        assert trie.names(int(states[place])).tolist() == node.get(HERE, [])
    assert len(trie) == len(sequences)
    assert sorted([*trie.empty, *trie.too_long]) == sorted(
        set(range(len(sequences))) - {i for node in expected.values() for i in node.get(HERE, [])}
    )


@given(sequences=NAMES, max_length=st.none() | st.integers(1, 4))
def test_it_is_the_nested_dict_of_the_same_names(
    tmp_path_factory: pytest.TempPathFactory, sequences: list[list[int]], max_length: int | None
) -> None:
    folder = tmp_path_factory.mktemp("trie") / "trie"
    trie = NameTrie.build(sequences, max_length=max_length)
    assert_like_dict(trie, sequences, max_length)
    stored = NameTrie.build(iter(sequences), folder, max_length)
    assert_equal(stored, trie)
    assert_equal(NameTrie.load(folder), trie)
    assert_like_dict(NameTrie.load(folder), sequences, max_length)


@given(
    sequences=NAMES, walks=st.lists(st.lists(st.sampled_from([*TOKENS, 3, -1, -(2**31)]), min_size=6, max_size=6), min_size=1)
)
def test_beams_walk_as_in_the_nested_dict_and_dead_ones_stay_dead(sequences: list[list[int]], walks: list[list[int]]) -> None:
    trie = NameTrie.build(sequences)
    states: Any = np.full(len(walks), trie.root)
    beams: list[dict[Any, Any] | None] = [nested(sequences)] * len(walks)
    for tokens in np.array(walks).T:
        states = trie.step(states, tokens)
        beams = [node.get(int(token)) if node is not None else None for node, token in zip(beams, tokens, strict=True)]
        np.testing.assert_array_equal(states == -1, [node is None for node in beams])
        np.testing.assert_array_equal(trie.ends(states), [node is not None and HERE in node for node in beams])
        offsets, children, _ = trie.children(states)
        for beam, node in enumerate(beams):
            live = sorted(token for token in node or {} if token != HERE)
            assert children[offsets[beam] : offsets[beam + 1]].tolist() == live
            assert trie.names(int(states[beam])).tolist() == (node or {}).get(HERE, [])


@given(sequences=NAMES, draw=st.randoms(use_true_random=False))
def test_the_order_of_names_changes_nothing_but_their_indices(sequences: list[list[int]], draw: random.Random) -> None:
    order = draw.sample(range(len(sequences)), len(sequences))
    trie, shuffled = NameTrie.build(sequences), NameTrie.build([sequences[index] for index in order])
    np.testing.assert_array_equal(shuffled.edges, trie.edges)
    np.testing.assert_array_equal(shuffled.end_states, trie.end_states)
    for state in range(len(trie.edges)):
        assert sorted(order[index] for index in shuffled.names(state)) == trie.names(state).tolist()


def test_more_names_than_are_read_at_a_time_are_all_there() -> None:
    draw = random.Random(0)
    sequences = [[draw.randrange(40) for _ in range(draw.randrange(7))] for _ in range(2 * CHUNK + 7)]
    sequences[-1] = [70_000, 3]  # wider than the tokens of all chunks before
    trie = NameTrie.build(iter(sequences))
    leaves: dict[tuple[int, ...], list[int]] = {}
    for index, sequence in enumerate(sequences):
        leaves.setdefault(tuple(sequence), []).append(index)
    empty = leaves.pop(())
    assert trie.empty.tolist() == empty
    for path, indices in leaves.items():
        assert trie.names(walk(trie, path)).tolist() == indices


def test_empty_and_over_long_names_are_told_apart_and_never_reached() -> None:
    trie = NameTrie.build([[5, 6, 7], [], [5, 6], [9, 9, 9, 9]], max_length=2)
    assert trie.empty.tolist() == [1]
    assert trie.too_long.tolist() == [0, 3]
    assert not trie.ends(np.array([trie.root]))[0]
    assert trie.names(trie.root).tolist() == []
    assert walk(trie, [9]) == walk(trie, [5, 6, 7]) == -1
    assert trie.names(walk(trie, [5, 6])).tolist() == [2]


def test_token_ids_out_of_range_are_refused() -> None:
    for token in (-1, 2**31):
        with pytest.raises(UsageError, match=f"token id {token}; expected ids from 0"):
            NameTrie.build([[1], [3, token]])


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        NameTrie.build([[1], [-1]], tmp_path / "trie")
    assert list(tmp_path.iterdir()) == []
    NameTrie.build([[1]], tmp_path / "trie")
    with pytest.raises(MissingError, match="already exists"):
        NameTrie.build([[1]], tmp_path / "trie")


def test_no_damaged_byte_is_taken_for_a_name(tmp_path: Path) -> None:
    folder = tmp_path / "trie"
    names = [[1, 2], [1], [], [3, 4, 5]]
    trie = NameTrie.build(names, max_length=2)
    NameTrie.build(names, folder, max_length=2)
    refused = taken = 0
    for file in sorted(folder.iterdir()):
        whole = file.read_bytes()
        for place in range(len(whole)):
            for damaged in (whole[:place], whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]):
                file.write_bytes(damaged)
                try:
                    loaded = NameTrie.load(folder)
                except MissingError:
                    refused += 1
                else:  # white space, for example
                    assert_equal(loaded, trie)
                    taken += 1
        file.write_bytes(whole)
    assert taken < refused / 2


def test_sizes_are_compared_even_when_the_checksum_is_not(tmp_path: Path) -> None:
    NameTrie.build([[1, 2], [1]], tmp_path / "trie")
    np.save(tmp_path / "trie" / "end_names.npy", np.arange(3, dtype=np.int32))
    with pytest.raises(MissingError, match="is damaged"):
        NameTrie.load(tmp_path / "trie", verify=False)


def test_an_absent_trie_and_one_of_another_version_are_told_so(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"no name trie in .*nowhere: about.json is not there"):
        NameTrie.load(tmp_path / "nowhere")
    NameTrie.build([[1]], tmp_path / "trie")
    about = tmp_path / "trie" / "about.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | {"schema": 7}))
    with pytest.raises(MissingError, match="made by another version"):
        NameTrie.load(tmp_path / "trie")
    (tmp_path / "trie" / "edges.npy").unlink()
    with pytest.raises(MissingError, match=r"edges.npy is not there"):
        NameTrie.load(tmp_path / "trie")
