"""The names of a knowledge base as a trie over tokens: flat sorted arrays, on disk or in memory, searched for all beams at once."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from robustmel.errors import MissingError
from robustmel.kb.prefix_sort import TOKEN_BITS, sorted_prefixes
from robustmel.records.new_folder import new_folder

ABOUT, SCHEMA = "about.json", 1


@dataclass(frozen=True, eq=False)
class NameTrie:
    """Which token sequences are names, and how each of them may go on.

    States are numbered by depth, then by the tokens that lead to them; the root is 0, and -1 is no state at all. So the children of
    a state are consecutive numbers, and one array of edges is at once sorted, the children of every state, and the end of every
    edge. 8 bytes a state and 8 a name are held, on disk as in memory.

    Args:
        edges: (states,), int64, ascending: the edge into each state, `state it leaves << 32 | token`; the root's is the least int64.
        end_states: (names that can be reached,), int32, ascending: the state where each ends.
        end_names: (names that can be reached,), int32: the indices of these names, ascending within a state.
        empty: int32, ascending: indices of the names without any token, which the tokenizer cannot express.
        too_long: int32, ascending: indices of the names of more than `max_length` tokens.
    """

    edges: NDArray[np.int64]
    end_states: NDArray[np.int32]
    end_names: NDArray[np.int32]
    empty: NDArray[np.int32]
    too_long: NDArray[np.int32]

    root: ClassVar = 0

    @classmethod
    def build(cls, sequences: Iterable[Sequence[int]], folder: Path | None = None, max_length: int | None = None) -> Self:
        """A trie of names; their order changes nothing but their indices.

        The sequences are read once and not kept. Memory holds their tokens, at the width that the largest id needs, and about 50
        bytes a name and 8 a state. There may be 2^31 states.

        Args:
            sequences: Token ids of name 0, 1, ..., without start and end tokens.
            folder: Where to keep it, appearing whole or not at all; None keeps it in memory.
            max_length: Most tokens of a name, its end token not counted; longer ones cannot be reached. None sets no limit.

        Raises:
            UsageError: A token id is negative or above 2^31 - 1.
            MissingError: The folder is there already or cannot be written.
        """
        if folder is None:
            return cls(*sorted_prefixes(sequences, max_length))
        with new_folder(folder) as unfinished:
            built = cls(*sorted_prefixes(sequences, max_length))
            for name, array in built._arrays().items():
                np.save(unfinished / f"{name}.npy", array, allow_pickle=False)
            about = {**built._layout(), "sha256": built._digest()}
            (unfinished / ABOUT).write_text(json.dumps(about, indent=2) + "\n", "utf-8")
            del built  # else it stays in memory beside the files
        return cls.load(folder, verify=False)

    @classmethod
    def load(cls, folder: Path, verify: bool = True) -> Self:
        """The trie that `build` kept in a folder, memory-mapped.

        Args:
            folder: As given to `build`.
            verify: Read everything once to compare its checksum; False compares only the sizes, without reading the arrays.

        Raises:
            MissingError: There is no trie, it was made by another version, or it is damaged.
        """
        try:
            about = json.loads((folder / ABOUT).read_text("utf-8"))
            arrays = {field.name: _mapped(folder / f"{field.name}.npy") for field in fields(cls)}
        except (FileNotFoundError, NotADirectoryError) as problem:
            raise MissingError(
                f"no name trie in {folder}: {Path(str(problem.filename)).name} is not there; build it."
            ) from None
        except (OSError, ValueError) as problem:
            raise MissingError(f"the name trie in {folder} cannot be read ({problem}); build it again.") from problem
        trie = cls(**arrays)
        if not isinstance(about, dict) or about.get("schema") != SCHEMA:
            raise MissingError(f"the name trie in {folder} was made by another version; build it again.")
        checksum = about.pop("sha256", None)
        if about != trie._layout() or (verify and checksum != trie._digest()):
            raise MissingError(f"the name trie in {folder} is damaged: its arrays are not those of {ABOUT}; build it again.")
        return trie

    def __len__(self) -> int:
        """How many names there are, those that cannot be reached included."""
        return len(self.end_names) + len(self.empty) + len(self.too_long)

    def step(self, states: NDArray[np.int64], tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where each beam gets by one token.

        Args:
            states: (beams,), or any shape; -1 for beams that are dead.
            tokens: (beams,), 32-bit numbers; negative ones lead nowhere.

        Returns:
            (beams,): The next states, -1 where no name goes on so.
        """
        edges = (np.asarray(states, np.int64) << TOKEN_BITS) + tokens
        places = self.edges.searchsorted(edges, "right") - 1
        return np.where(self.edges.take(places) == edges, places, -1)

    def children(self, states: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """How each of several states goes on; the end token is not among it (see `ends`).

        Args:
            states: (beams,).

        Returns:
            Offsets (beams + 1,), tokens (N,) and next states (N,): those of beam b are `[offsets[b] : offsets[b + 1]]`, ascending.
        """
        parents = np.atleast_1d(np.asarray(states, np.int64))
        first = self._first_child(parents)
        counts = self._first_child(parents + 1) - first
        offsets = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
        following = np.arange(offsets[-1]) + np.repeat(first - offsets[:-1], counts)
        return offsets, self.edges[following] & ((1 << TOKEN_BITS) - 1), following

    def ends(self, states: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether a name ends at each of the states; same shape."""
        places = np.asarray(states, np.int64)
        return np.asarray(self._names_before(places) < self._names_before(places + 1))

    def names(self, state: int) -> NDArray[np.int64]:
        """Indices of the names that end at a state, ascending: several where names have the same tokens."""
        start, stop = self._names_before(np.array([state, state + 1]))
        return self.end_names[start:stop].astype(np.int64)

    def tokens(self, state: int) -> tuple[int, ...]:
        """The token ids that lead from the root to a state."""
        tokens: list[int] = []
        while state != self.root:
            edge = int(self.edges[state])
            tokens.append(edge & ((1 << TOKEN_BITS) - 1))
            state = edge >> TOKEN_BITS
        return tuple(reversed(tokens))

    def heights(self, states: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many tokens the longest name that goes on from each of the states still has; same shape."""
        first = np.asarray(states, np.int64)
        last = first + 1
        height = np.zeros_like(first)
        while True:
            first, last = self._first_child(first), self._first_child(last)
            goes_on = first < last
            if not goes_on.any():
                return height
            height += goes_on

    def _first_child(self, states: NDArray[np.int64]) -> NDArray[np.int64]:
        """The first child of each state or, where it has none, of the next state that has one."""
        return np.asarray(self.edges.searchsorted(states << TOKEN_BITS))

    def _names_before(self, states: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many names end at states of smaller numbers."""
        return np.asarray(
            self.end_states.searchsorted(states.astype(np.int32))
        )  # of another type, the whole array is converted

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def _layout(self) -> dict[str, Any]:
        """What about.json says beside the checksum."""
        arrays = {name: [array.dtype.str, *array.shape] for name, array in self._arrays().items()}
        return {"schema": SCHEMA, "names": len(self), "arrays": arrays}

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for array in self._arrays().values():
            digest.update(array.data)
        return digest.hexdigest()


def _mapped(path: Path) -> NDArray[Any]:
    try:
        return np.asarray(np.lib.format.open_memmap(path, mode="r"))
    except FileNotFoundError:
        raise
    except Exception as problem:  # on a broken header, numpy raises whatever Python's own parser does
        raise ValueError(f"{path.name}: {problem}") from problem
