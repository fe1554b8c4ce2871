"""A frozen causal language model: texts as embeddings, prompts read once, continuations on the key/value cache."""

import copy
import importlib
import inspect
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from robustmel.errors import MissingError, UsageError, with_article
from robustmel.linkers.loading import check_complete, first_line, pick_device, quiet
from robustmel.linkers.weights import model_folder

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, eq=False)
class Prefix:
    """What a language model keeps of token sequences that it has read.

    Args:
        cache: Keys and values of every layer, of the library; never changed in place.
        mask: (B, T), int64: 1 where the cache holds a token of this sequence, 0 where it holds padding or another one's token.
        logits: (B, V), float32: of the token that follows the last one.
        rows: (B,): where in the cache each sequence is, as beams share their prompt's; None where each has a row of its own.
        shift: (B,): what the positions of later tokens are ahead of their count, where images count for fewer positions than tokens
            (M-RoPE); None where positions are counted.
    """

    cache: Any
    mask: Tensor
    logits: Tensor
    rows: Tensor | None = None
    shift: Tensor | None = None

    def last(self) -> tuple[tuple[Tensor, Tensor], ...]:
        """Keys and values of the last token, for every layer: two tensors (B, heads, 1, size of a head). For rows of their own."""
        return tuple((layer.keys[..., -1:, :], layer.values[..., -1:, :]) for layer in self.cache.layers)


class LanguageModel:
    """A causal language model of the transformers library, its parameters frozen.

    Args:
        network: Has `forward(inputs_embeds, attention_mask, position_ids, past_key_values, logits_to_keep)`.
        tokenizer: Of the library. It needs no token for padding.

    Attributes:
        width: Length of a token's embedding.
        end: Id of the token that ends a text.
        start: Id of the token that the tokenizer puts before a text; None where it puts none.
        context: Most tokens that the network reads; None where it states no limit.

    Raises:
        UsageError: The network reads in both directions, or no end token is known.
    """

    def __init__(self, network: Any, tokenizer: Any) -> None:
        network.eval().requires_grad_(False)
        if not _is_causal(network):
            raise UsageError(
                f"{with_article(type(network).__name__)} reads in both directions; GEMEL needs a causal language model."
            )
        if tokenizer.eos_token_id is None:
            raise UsageError("the language model's tokenizer has no end token (eos_token), which ends a generated name.")
        self.network = network
        self.tokenizer = tokenizer
        self._embedding = network.get_input_embeddings()
        self.width: int = self._embedding.embedding_dim
        self.end: int = tokenizer.eos_token_id
        first = tokenizer("a")["input_ids"][0]
        self.start: int | None = first if first == tokenizer.bos_token_id else None
        self.context: int | None = getattr(network.config.get_text_config(), "max_position_embeddings", None)
        self.device: torch.device = self._embedding.weight.device

    @classmethod
    def load(cls, model: str, revision: str | None = None, dtype: str = "float32", device: str = "auto") -> "LanguageModel":
        """The language model of a local folder, a hub id or `world:NAME`.

        Args:
            model: As in `weights.model_folder`; only safetensors are read and no code of the model's own is run.
            revision: As there.
            dtype: "float32", "bfloat16" or "float16": of the weights in memory, whatever the files hold.
            device: As in `loading.pick_device`.

        Raises:
            UsageError: The dtype or device is unknown, or the model is not causal.
            MissingError: Something is absent, incomplete or unreadable.
        """
        if dtype not in DTYPES:
            raise UsageError(f'dtype = "{dtype}" is unknown; expected {", ".join(DTYPES)}.')
        place, folder = pick_device(device), model_folder(model, revision)
        transformers: Any = importlib.import_module("transformers")
        local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        with quiet():
            try:
                network, report = transformers.AutoModelForCausalLM.from_pretrained(
                    folder,
                    dtype=DTYPES[dtype],
                    use_safetensors=True,
                    ignore_mismatched_sizes=True,  # so that all of them can be named
                    output_loading_info=True,
                    **local,
                )
                tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **local)
            except Exception as problem:  # the library raises whatever a broken folder makes it stumble upon
                raise MissingError(f"{model} does not load from {folder}: {first_line(problem)}.") from problem
        check_complete(report, model, type(network).__name__)
        return cls(network.to(place), tokenizer)

    def embed(self, ids: Tensor) -> Tensor:
        """The embeddings of token ids of any shape: (..., width)."""
        return self._embedding(ids.to(self.device))  # type: ignore[no-any-return]

    def logits(self, embeds: Tensor, mask: Tensor, last: int, positions: Tensor | None = None) -> Tensor:
        """Logits (B, last, V), float32, after each of the last tokens of texts (B, T, width), padded on the left; differentiable.

        Positions are as in `prefill`.
        """
        mask = mask.to(self.device, torch.int64)
        output = self.network(
            inputs_embeds=embeds.to(self._embedding.weight.dtype),
            attention_mask=mask,
            position_ids=(mask.cumsum(1) - 1).clamp(min=0) if positions is None else positions,
            use_cache=False,
            logits_to_keep=last,
        )
        return output.logits.float()  # type: ignore[no-any-return]

    def prefill(
        self,
        embeds: Tensor,
        mask: Tensor,
        after: Prefix | None = None,
        parents: Tensor | None = None,
        positions: Tensor | None = None,
    ) -> Prefix:
        """Reads prompts; differentiable with respect to the embeddings.

        Args:
            embeds: (B, T, width), padded on the left.
            mask: (B, T): 1 for tokens, 0 for padding.
            after: Texts that stand before them. They are not read again. Networks with a sliding window need prompts of one length
                here, as padding between the texts counts into their window.
            parents: (B,): which of these texts stands before each prompt; None: the one of its own number.
            positions: (3, B, T): of every token in time, height and width, for a network with M-RoPE; None counts them.

        Raises:
            UsageError: A prompt is longer than the context.
        """
        read, logits = self._read(after, parents, embeds.to(self.device), mask.to(self.device), True, positions)
        shift = None if positions is None else positions[:, :, -1].amax(0) + 1 - read[1].sum(1)
        return Prefix(*read, logits[:, -1], shift=shift)

    def extend(self, prefix: Prefix, tokens: Tensor, parents: Tensor | None = None) -> Prefix:
        """One more token for each beam.

        Args:
            prefix: Of B sequences.
            tokens: (N,): ids.
            parents: (N,): which of the B sequences each token follows; any number of them may be the same. None: one follows each.

        Returns:
            N sequences, one token longer. Where the network allows it, the cache of what they share is neither copied nor reordered.
        """
        if parents is None or not self._branches(prefix.cache):
            added = torch.ones(len(tokens), 1, dtype=torch.int64, device=self.device)
            read, logits = self._read(prefix, parents, self.embed(tokens[:, None]), added)
            return Prefix(*read, logits[:, -1], shift=_of(prefix.shift, parents))
        tokens, parents = tokens.to(self.device), parents.to(self.device)
        kept, rows = torch.unique(parents if prefix.rows is None else prefix.rows[parents], return_inverse=True)
        cache = _selected(prefix.cache, kept if len(kept) < len(prefix.cache.layers[0].keys) else None)
        same_row = rows[:, None] == torch.arange(len(kept), device=self.device)
        slot = same_row.cumsum(0)[torch.arange(len(rows), device=self.device), rows] - 1  # among those that share a row
        width, before = int(slot.max()) + 1, prefix.mask[parents]
        own = torch.eye(width, dtype=torch.int64, device=self.device)
        sees = torch.cat((before.new_zeros(len(kept), width, before.shape[1]), own.expand(len(kept), -1, -1)), 2)
        sees[rows, slot, : before.shape[1]] = before
        grid = tokens.new_zeros(len(kept), width).index_put((rows, slot), tokens)
        hidden = torch.finfo(self._embedding.weight.dtype).min * (1 - sees[:, None]).to(self._embedding.weight.dtype)
        positions, shift = sees.sum(2) - 1, _of(prefix.shift, parents)
        if shift is not None:
            positions = positions.index_put((rows, slot), shift, accumulate=True)
        logits = self._forward(self.embed(grid), hidden, positions, cache).logits[rows, slot].float()
        return Prefix(cache, torch.cat((before, own[slot]), 1), logits, rows, shift)

    def follow(self, prefix: Prefix, tokens: Tensor, mask: Tensor, parents: Tensor) -> Tensor:
        """Logits (N, L, V), float32, after each of the tokens (N, L), padded on the right, that follow sequences `parents` (N,)."""
        return self._read(prefix, parents, self.embed(tokens), mask.to(self.device))[1]

    def rebuild(self, prefix: Prefix, parents: Tensor, entries: tuple[tuple[Tensor, Tensor], ...]) -> Prefix:
        """Sequences `parents` (N,) of the prefix with entries of later tokens, as `last` gives them, joined along their third axis.

        Its logits are not those of the last token but the prefix's.
        """
        cache = _selected(prefix.cache, _places(prefix, parents.to(self.device)))
        for layer, (keys, values) in enumerate(entries):
            cache.update(keys, values, layer)
        mask = torch.nn.functional.pad(prefix.mask[parents], (0, entries[0][0].shape[2] if entries else 0), value=1)
        return Prefix(cache, mask, prefix.logits[parents], shift=_of(prefix.shift, parents))

    def _read(
        self,
        prefix: Prefix | None,
        parents: Tensor | None,
        embeds: Tensor,
        mask: Tensor,
        last_only: bool = False,
        positions: Tensor | None = None,
    ) -> tuple[tuple[Any, Tensor], Tensor]:
        """Cache and mask after embeddings that follow a prefix, and their logits."""
        mask, cache, begun = mask.to(torch.int64), None, 0
        if prefix is not None:
            parents = parents if parents is None else parents.to(self.device)
            before = prefix.mask if parents is None else prefix.mask[parents]
            cache = _selected(prefix.cache, _places(prefix, parents))
            begun, mask = before.shape[1], torch.cat((before, mask), 1)
        if positions is None:
            positions = (mask.cumsum(1) - 1).clamp(min=0)[:, begun:]
            shift = None if prefix is None else _of(prefix.shift, parents)
            positions = positions if shift is None else positions + shift[:, None]
        output = self._forward(embeds, mask, positions, cache, 1 if last_only else 0)
        return (output.past_key_values, mask), output.logits.float()

    def _forward(self, embeds: Tensor, mask: Tensor, positions: Tensor, cache: Any, keep: int = 0) -> Any:
        if self.context is not None and mask.shape[-1] > self.context and (longest := int(positions.max()) + 1) > self.context:
            raise UsageError(f"a prompt has {longest} tokens with its answer and the language model reads {self.context}.")
        return self.network(
            inputs_embeds=embeds.to(self._embedding.weight.dtype),
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=keep,
        )

    def _branches(self, cache: Any) -> bool:
        """Whether beams may share their prompt's row, each seeing its own tokens by a mask, rather than have copies of it.

        Not where layers keep a window, where positions are not stated but counted (ALiBi), or where attention takes no such mask.
        """
        config = self.network.config.get_text_config()
        return (
            {type(layer).__name__ for layer in cache.layers} == {"DynamicLayer"}
            and "position_ids" in inspect.signature(self.network.forward).parameters
            and not getattr(config, "alibi", False)
            and config._attn_implementation in ("eager", "sdpa")
        )


def _is_causal(network: Any) -> bool:
    """Whether what follows a token leaves its logits alone; configurations do not say so reliably (`is_decoder`)."""
    with torch.no_grad():
        texts = torch.tensor([[0, 1], [0, 2]], device=network.get_input_embeddings().weight.device)
        first, second = network(input_ids=texts, use_cache=False).logits[:, 0].float()
    scale = float(first.nan_to_num(0, 0, 0).abs().max())  # numbers may outgrow half precision
    return torch.allclose(first, second, rtol=1e-2, atol=1e-3 * scale, equal_nan=True)


def _places(prefix: Prefix, parents: Tensor | None) -> Tensor | None:
    """Rows of the cache where sequences `parents` are; None where these are all rows in their order."""
    return parents if prefix.rows is None else prefix.rows if parents is None else prefix.rows[parents]


def _of(shift: Tensor | None, parents: Tensor | None) -> Tensor | None:
    return shift if shift is None or parents is None else shift[parents]


def _selected(cache: Any, parents: Tensor | None) -> Any:
    """A cache of its own, whose layers share memory with the given one until they grow; reordered and expanded by parents."""
    selected = copy.copy(cache)
    selected.layers = [copy.copy(layer) for layer in cache.layers]
    if parents is not None:
        selected.reorder_cache(parents)
    return selected
