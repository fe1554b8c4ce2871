"""The names of a knowledge base as a language model writes them."""

import logging
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from robustmel.kb.name_trie import NameTrie
from robustmel.linkers.gemel.prompt_tokens import tokenized

log = logging.getLogger(__name__)


class EntityNames:
    """Names as tokens, and the entities behind what was written.

    Some names cannot be written: those of `longest` tokens or more (the end token follows), and those for which the tokenizer has
    no tokens of their own (none at all, its unknown token, or its end token). They are counted in a warning.

    Args:
        names: One an entity; several entities may share one.
        tokenizer: Of the language model.
        longest: Tokens of an answer, its end token counted.

    Attributes:
        tokens: Of each name; () for one that cannot be written.
    """

    def __init__(self, names: Sequence[str], tokenizer: Any, longest: int) -> None:
        self._names, self._tokenizer = names, tokenizer
        foreign = {tokenizer.unk_token_id, tokenizer.eos_token_id}
        rows = [tuple(row) for row in tokenized(tokenizer, names)]
        self.tokens = [row if len(row) < longest and foreign.isdisjoint(row) else () for row in rows]
        unwritable = [name for name, tokens in zip(names, self.tokens, strict=True) if not tokens]
        if unwritable:
            log.warning(
                "%d of %d names cannot be written in %d tokens of this language model, so their entities are never answered; the "
                "first: %.60r",
                len(unwritable),
                len(names),
                longest,
                unwritable[0],
            )

    @cached_property
    def trie(self) -> NameTrie:
        """Of all names that can be written; its indices are those of the names."""
        return NameTrie.build(self.tokens)

    def of_state(self, state: int) -> list[str]:
        """The names that end at a state of the trie; several where the tokenizer tells them not apart."""
        return [self._names[index] for index in self.trie.names(state).tolist()]

    def text(self, tokens: Sequence[int]) -> str:
        """What they say."""
        return str(self._tokenizer.decode(tokens))

    def of_text(self, text: str) -> list[int]:
        """Indices of the names that are written so. Blanks around them do not count, as tokenizers add them."""
        return self._by_text.get(text.strip(), [])

    @cached_property
    def _by_text(self) -> dict[str, list[int]]:
        """What comes of the tokens, as some tokenizers know no capitals."""
        by_text: dict[str, list[int]] = {}
        for index, tokens in enumerate(self.tokens):
            if tokens:
                by_text.setdefault(self.text(tokens).strip(), []).append(index)
        return by_text
