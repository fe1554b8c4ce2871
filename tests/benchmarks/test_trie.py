from __future__ import annotations

from pathlib import Path

import numpy as np
from benchmarks.trie import END, drawn_names, nested_dict, read_sequences, token_sequences, trained_tokenizer

from robustmel.kb.name_trie import NameTrie


def test_names_are_drawn_alike_every_time_and_encoded_as_the_tokenizer_does() -> None:
    names = [*drawn_names(300), "Gödel  (two spaces)", " Ada", "It's 1984", ""]
    assert names[:300] == drawn_names(500)[:300]
    tokenizer = trained_tokenizer(names)
    assert list(token_sequences(tokenizer, names)) == [tokenizer.encode(name).ids for name in names]


def test_the_peer_holds_the_same_names(tmp_path: Path) -> None:
    sequences = [[1, 2], [1, 2, 3], [4], [1, 2]]
    (tmp_path / "sequences").write_text("".join(" ".join(map(str, sequence)) + "\n" for sequence in sequences))
    assert list(read_sequences(tmp_path / "sequences")) == sequences
    assert list(read_sequences(tmp_path / "sequences", 2)) == sequences[:2]
    root, trie = nested_dict(sequences), NameTrie.build(sequences)
    for sequence in sequences:
        node, state = root, np.array([trie.root])
        for token in sequence:
            node, state = node[token], trie.step(state, np.array([token]))
        assert node[END] == trie.names(int(state[0]))[-1]
