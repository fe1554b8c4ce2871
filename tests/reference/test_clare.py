"""CLARE one text, one place and one forward pass at a time, written from its description, gives the edits of the batched one."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
import regex
import torch
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

from robustmel.attacks.text.clare import CLARE
from robustmel.attacks.text.words import STOP_WORDS
from robustmel.types import Query

Change = tuple[int, int, str, str, str]
LEAST = {"replace": 5e-4, "insert": 0.0, "merge": 5e-3}
DETERMINERS = "a all an any both each every her his its my no our own some such that the their these this those your"


class Reference:
    """Latin texts without markers; the mention stays."""

    def __init__(self, folder: Path, rate: float, least: float) -> None:
        self.rate, self.least = rate, least
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self.network: Any = AutoModelForMaskedLM.from_pretrained(folder).eval()
        self.encoder: Any = AutoModel.from_pretrained(folder, add_pooling_layer=False).eval()

    def edits(self, text: str, mention: tuple[int, int], seed: int) -> list[Change]:
        dice, changes = Random(seed), list[Change]()
        words = [match.span() for match in regex.finditer(r"[\p{L}\p{N}]+", text)]
        outside = [word for word in words if word[1] <= mention[0] or word[0] >= mention[1]]
        replaceable = [word for word in outside if text[slice(*word)].lower() not in STOP_WORDS]
        while len(changes) < max(1, int(self.rate * len(replaceable))):
            places = [(*word, "replace") for word in replaceable]
            for (start, middle), (begin, end) in pairwise(words):
                if text[begin - 1] == " " and not mention[0] < begin < mention[1]:
                    places.append((begin, begin, "insert"))
                first, second = text[start:middle].lower(), text[begin:end].lower()
                open_words = second not in STOP_WORDS and (first in DETERMINERS.split() or first not in STOP_WORDS)
                if text[middle:begin] == " " and open_words and (end <= mention[0] or start >= mention[1]):
                    places.append((start, end, "merge"))
            places = sorted(place for place in places if all(self.apart(place, change) for change in changes))
            pairs = [(place, rank) for place in places for rank in range(50)]
            own = Random(dice.getrandbits(64))
            for done in range(len(pairs)):
                other = own.randrange(done, len(pairs))
                pairs[done], pairs[other] = pairs[other], pairs[done]
                change = self.change(text, changes, *pairs[done])
                if change is not None:
                    changes = sorted([*changes, change])
                    break
            else:
                break
        return changes

    def apart(self, place: tuple[int, int, str], change: Change) -> bool:
        return (place[1] <= change[0] or change[1] <= place[0]) and place[:2] != change[:2]

    def change(self, text: str, changes: list[Change], place: tuple[int, int, str], rank: int) -> Change | None:
        start, end, action = place
        blank = " " if action == "insert" else ""
        masked = self.applied(text, [*changes, (start, end, "", self.tokenizer.mask_token + blank, action)])
        ids = self.tokenizer(masked, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            logits = self.network(input_ids=ids).logits[0, ids[0].tolist().index(self.tokenizer.mask_token_id)]
        words = [
            (token, word) for token in logits.argsort(descending=True)[:50].tolist() if (word := self.word(token, start > 0))
        ]
        if rank >= len(words):
            return None
        token, word = words[rank]
        if not regex.search(r"^[\p{N}\p{M}]*\p{Latin}", word):  # words of one script stand together
            return None
        if float(logits.softmax(0)[token]) < LEAST[action] or word.lower() == text[start:end].lower():
            return None
        change = (start, end, text[start:end], word + blank, action)
        new = self.applied(text, [*changes, change])
        return change if float(torch.cosine_similarity(self.mean(new), self.mean(text), dim=0)) >= self.least else None

    def word(self, token: int, after_blank: bool) -> str | None:
        written = self.tokenizer.convert_ids_to_tokens(token)
        word: str = self.tokenizer.convert_tokens_to_string([written]).strip()
        whole = regex.fullmatch(r"[\p{Han}\p{Thai}]|[\p{L}\p{N}--[\p{Han}\p{Thai}]][\p{L}\p{N}\p{M}]*", word, regex.VERSION1)
        return word if whole and any(map(str.isalpha, word)) and after_blank == written.startswith("Ġ") else None

    def mean(self, text: str) -> torch.Tensor:
        with torch.no_grad():
            states: torch.Tensor = self.encoder(**self.tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        return states.mean(0)

    def applied(self, text: str, changes: list[Change]) -> str:
        for start, end, _, new, _ in sorted(changes, reverse=True):
            text = text[:start] + new + text[end:]
        return text


SENTENCES = [
    "The old walls of New Delhi were painted quickly, said the city.",
    "New Delhi is a tall city of red walls and old stones.",
    "A red city near the old New Delhi",
    "They said that the tall red walls of the city of New Delhi were old.",
]


@pytest.mark.parametrize(("rate", "least"), [(0.1, -1.0), (0.6, 0.9), (1.0, -1.0)])
def test_the_batched_attack_makes_the_same_edits(rate: float, least: float, masked_folder: Path) -> None:
    reference = Reference(masked_folder, rate, least)
    asked = [
        Query(str(place), text, "New Delhi", (text.index("New Delhi"), text.index("New Delhi") + 9), None, ())
        for place, text in enumerate(SENTENCES * 2)
    ]
    edits = CLARE(model=str(masked_folder), edit_rate=rate, min_similarity=least).perturb(
        asked, None, [None] * len(asked), range(len(asked))
    )
    expected = [reference.edits(query.text, query.span or (0, 0), seed) for seed, query in enumerate(asked)]
    assert [[tuple(change) for change in edit.changes] for edit in edits] == expected
    assert {change[4] for changes in expected for change in changes} == {"replace", "insert", "merge"}
