"""Texts of entities and mentions, and the tokenizer that is learnt from them."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch import Tensor

from robustmel.linkers.texts import label
from robustmel.types import Entity

START, END, PAD, MASK = "<|startoftext|>", "<|endoftext|>", "<|pad|>", "<|mask|>"
SPECIALS = (START, END, PAD)
"""Their ids are 0, 1, 2 in this order. END must not have the id 2: CLIP's pooling takes that for an old, wrong config and
then reads the token with the largest id instead of the first END."""


def entity_texts(entity: Entity, prompt: str) -> list[str]:
    """The label that linkers score, then the same with each alias for the name, then name and description."""
    texts = [label(replace(entity, name=name), prompt) for name in (entity.name, *entity.aliases)]
    if entity.description:
        texts.append(f"{entity.name}: {entity.description}")
    return list(dict.fromkeys(texts))


class TextBank:
    """Distinct texts as rows of token ids.

    Args:
        tokenizer: A Hugging Face tokenizer.
        length: Texts are cut to this many tokens.
        masked: Give an attention mask; see `Family.masks_padding`.

    Attributes:
        cut: How many of the texts were longer.
    """

    def __init__(self, texts: Iterable[str], tokenizer: Any, length: int, *, masked: bool) -> None:
        distinct = list(dict.fromkeys(texts))
        self.row = {text: row for row, text in enumerate(distinct)}
        self.masked = masked
        whole = tokenizer(distinct, truncation=False, padding=False, verbose=False)["input_ids"] if distinct else []
        self.cut = sum(len(ids) > length for ids in whole)
        encoded = (
            tokenizer(distinct, truncation=True, max_length=length, padding="max_length") if distinct else {"input_ids": []}
        )
        self.ids = torch.tensor(encoded["input_ids"], dtype=torch.long).reshape(len(distinct), length)
        self.lengths = torch.tensor([min(len(ids), length) for ids in whole], dtype=torch.long)
        self.pad = tokenizer.pad_token_id

    def rows(self, texts: Iterable[str]) -> Tensor:
        """int64: the row of each text."""
        return torch.tensor([self.row[text] for text in texts], dtype=torch.long)

    def joined(self, other: TextBank) -> TextBank:
        """These texts, and behind them those of another bank of the same tokenizer and length."""
        bank = copy.copy(self)
        bank.row = {text: row + len(self.ids) for text, row in other.row.items()} | self.row
        bank.ids, bank.lengths = torch.cat((self.ids, other.ids)), torch.cat((self.lengths, other.lengths))
        return bank

    def batch(self, rows: Tensor, drop: float = 0.0, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Model inputs for some rows.

        Args:
            rows: int64 (B,).
            drop: Share of the tokens between the first and the last that are left out at random.
            generator: For `drop`.
        """
        ids, lengths = self.ids[rows], self.lengths[rows]
        if drop > 0:
            ids, lengths = self._thinned(ids, lengths, drop, generator)
        if not self.masked:
            return {"input_ids": ids}
        longest = int(lengths.max())
        mask = torch.arange(longest) < lengths[:, None]
        return {"input_ids": ids[:, :longest], "attention_mask": mask.long()}

    def _thinned(self, ids: Tensor, lengths: Tensor, drop: float, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        place = torch.arange(ids.shape[1])
        inner = (place > 0) & (place < lengths[:, None] - 1)
        dropped = inner & (torch.rand(ids.shape, generator=generator) < drop)
        order = dropped.to(torch.uint8).argsort(dim=1, stable=True)  # those kept move up, in their order
        left = lengths - dropped.sum(1)
        return ids.gather(1, order).where(place < left[:, None], torch.tensor(self.pad)), left


def learn_tokenizer(
    texts: Iterable[str],
    vocabulary: int,
    length: int,
    *,
    masked: bool,
    end_last: bool = False,
    generative: bool = False,
    fills_in: bool = False,
) -> Any:
    """A byte-level BPE tokenizer: a `PreTrainedTokenizerFast` that `AutoTokenizer.from_pretrained` loads again.

    Texts are brought to NFC, and to lower case unless they are to be written again; every byte has a token, so nothing is unknown.

    Args:
        texts: In any order; repeated ones count once.
        vocabulary: Number of tokens, the 256 bytes and 3 special ones included.
        length: `model_max_length`: what texts are cut or padded to.
        masked: True gives an attention mask beside the ids (CLIP); False gives ids alone: SigLIP attends to its padding.
        end_last: END gets the largest id of all: OWL-ViT reads a text at the token with the largest id.
        generative: For a language model: letters keep their case, no blank is put before a text, and no END after it.
        fills_in: For a masked language model: the same, but with END; `MASK` stands for a word and the blank before it.
    """
    import transformers

    verbatim = generative or fills_in

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), *([] if verbatim else [normalizers.Lowercase()])])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=not verbatim)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - end_last,
        special_tokens=[*(token for token in SPECIALS if not (end_last and token == END)), *[MASK] * fills_in],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(sorted(set(texts)), trainer)
    tokenizer.add_special_tokens([*SPECIALS, *[AddedToken(MASK, lstrip=True, normalized=False)] * fills_in])  # ids are kept
    ends = [(token, tokenizer.token_to_id(token)) for token in (START, END)]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A" if generative else f"{START} $A {END}", special_tokens=ends
    )
    tokenizer_class: Any = transformers.PreTrainedTokenizerFast
    return tokenizer_class(
        tokenizer_object=tokenizer,
        bos_token=START,
        eos_token=END,
        pad_token=PAD,
        mask_token=AddedToken(MASK, lstrip=True, normalized=False) if fills_in else None,
        model_max_length=length,
        padding_side="right",
        model_input_names=["input_ids", "attention_mask"] if masked else ["input_ids"],
        clean_up_tokenization_spaces=False,
    )
