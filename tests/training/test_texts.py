from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, CLIPTextConfig, CLIPTextModel

from robustmel.training.texts import END, PAD, START, TextBank, learn_tokenizer

TEXTS = ["The flag of Chad flew over N'Djamena.", "Romania met Moldova at noon", "a photo of Côte d'Ivoire"] * 3
LEARNT = learn_tokenizer(TEXTS, 320, 16, masked=True)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=40))
def test_nothing_is_unknown(text: str) -> None:
    tokens = LEARNT(text)["input_ids"]
    assert tokens[0] == LEARNT.bos_token_id
    assert tokens[-1] == LEARNT.eos_token_id
    assert None not in tokens
    assert len(tokens) >= 2


@pytest.mark.parametrize("text", ["romania met moldova", "a photo of côte d'ivoire", "東京 beat 서울 3-1"])
def test_a_text_comes_back(text: str) -> None:
    assert LEARNT.decode(LEARNT(text)["input_ids"], skip_special_tokens=True).strip() == text


def test_a_saved_tokenizer_loads_again_with_its_special_tokens_and_length(tmp_path: Path) -> None:
    LEARNT.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert (loaded.bos_token, loaded.eos_token, loaded.pad_token) == (START, END, PAD)
    assert loaded.model_max_length == 16
    for text in [*TEXTS, "unseen wörds"]:
        assert loaded(text, padding="max_length", truncation=True) == LEARNT(text, padding="max_length", truncation=True)


def test_a_family_that_attends_to_padding_gets_no_mask() -> None:
    assert set(learn_tokenizer(TEXTS, 280, 16, masked=False)("a")) == {"input_ids"}
    assert set(LEARNT("a")) == {"input_ids", "attention_mask"}


def test_a_cut_text_still_ends() -> None:
    tokens = LEARNT("word " * 40, truncation=True, max_length=16)["input_ids"]
    assert len(tokens) == 16
    assert tokens[-1] == LEARNT.eos_token_id


def test_clip_reads_the_end_token_whatever_follows_it() -> None:
    config = CLIPTextConfig(
        vocab_size=len(LEARNT),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=16,
        bos_token_id=LEARNT.bos_token_id,
        eos_token_id=LEARNT.eos_token_id,
        pad_token_id=LEARNT.pad_token_id,
    )
    model = CLIPTextModel(config).eval()
    bank = TextBank(["a photo of romania", "romania met moldova at noon and at night"], LEARNT, 16, masked=True)
    with torch.inference_mode():
        alone = model(**bank.batch(torch.tensor([0])))
        together = model(**bank.batch(torch.tensor([0, 1])))
    place = int(bank.lengths[0]) - 1
    assert bank.ids[0, place] == LEARNT.eos_token_id
    torch.testing.assert_close(together.pooler_output[0], alone.pooler_output[0])
    torch.testing.assert_close(alone.pooler_output[0], alone.last_hidden_state[0, place])


def test_the_bank_counts_what_it_cuts_and_keeps_texts_once() -> None:
    bank = TextBank(["a", "b", "a", "word " * 40], LEARNT, 16, masked=True)
    assert len(bank.ids) == 3
    assert bank.cut == 1
    assert bank.rows(["b", "a"]).tolist() == [1, 0]


def test_thinned_texts_keep_their_order_and_their_ends() -> None:
    bank = TextBank(["romania met moldova at noon"], LEARNT, 16, masked=True)
    whole = bank.ids[0, : int(bank.lengths[0])].tolist()
    thinned = bank.batch(torch.zeros(50, dtype=torch.long), 0.4, torch.Generator().manual_seed(0))
    lengths = set()
    for tokens, mask in zip(thinned["input_ids"].tolist(), thinned["attention_mask"].tolist(), strict=True):
        kept = tokens[: sum(mask)]
        lengths.add(len(kept))
        assert (kept[0], kept[-1]) == (whole[0], whole[-1])
        assert set(tokens[sum(mask) :]) <= {LEARNT.pad_token_id}
        rest = iter(whole)
        assert all(token in rest for token in kept)
    assert len(lengths) > 2
