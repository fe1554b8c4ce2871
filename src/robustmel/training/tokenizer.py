"""A byte-level BPE tokenizer learnt from the training texts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

START, END, PAD = "<|startoftext|>", "<|endoftext|>", "<|pad|>"
SPECIALS = (START, END, PAD)
"""Their ids are 0, 1, 2 in this order. END must not have the id 2: CLIP's pooling takes that for an old, wrong config and
then reads the token with the largest id instead of the first END."""


def learn_tokenizer(texts: Iterable[str], vocabulary: int, length: int, *, masked: bool, end_last: bool = False) -> Any:
    """A `PreTrainedTokenizerFast` that `AutoTokenizer.from_pretrained` loads again.

    Texts are brought to NFC and lower case; every byte has a token, so nothing is unknown.

    Args:
        texts: In any order; repeated ones count once.
        vocabulary: Number of tokens, the 256 bytes and 3 special ones included.
        length: `model_max_length`: what texts are cut or padded to.
        masked: True gives an attention mask beside the ids (CLIP); False gives ids alone: SigLIP attends to its padding.
        end_last: END gets the largest id of all: OWL-ViT reads a text at the token with the largest id.
    """
    import transformers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - end_last,
        special_tokens=[token for token in SPECIALS if not (end_last and token == END)],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(sorted(set(texts)), trainer)
    tokenizer.add_special_tokens(list(SPECIALS))  # those that have an id keep it
    ends = [(token, tokenizer.token_to_id(token)) for token in (START, END)]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{START} $A {END}", special_tokens=ends)
    made: Any = transformers.PreTrainedTokenizerFast
    return made(
        tokenizer_object=tokenizer,
        bos_token=START,
        eos_token=END,
        pad_token=PAD,
        model_max_length=length,
        padding_side="right",
        model_input_names=["input_ids", "attention_mask"] if masked else ["input_ids"],
        clean_up_tokenization_spaces=False,
    )
