"""A frozen causal language model: texts as embeddings, prompts read once, continuations on the key/value cache."""

import copy
import importlib
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from robustmel.errors import MissingError, UsageError
from robustmel.linkers.loading import check_complete, first_line, pick_device, quiet
from robustmel.linkers.weights import model_folder

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, eq=False)
class Prefix:
    """What a language model keeps of token sequences that it has read.

    Args:
        cache: Keys and values of every layer, of the library; never changed in place.
        mask: (B, T), int64: 1 where a token was read, 0 where there is padding.
        logits: (B, V), float32: of the token that follows the last one.
    """

    cache: Any
    mask: Tensor
    logits: Tensor

    def last(self) -> tuple[tuple[Tensor, Tensor], ...]:
        """Keys and values of the last token, for every layer: two tensors (B, heads, 1, size of a head)."""
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
        if not getattr(network.config, "is_decoder", True):
            raise UsageError(f"a {type(network).__name__} reads in both directions; GEMEL needs a causal language model.")
        if tokenizer.eos_token_id is None:
            raise UsageError("the language model's tokenizer has no end token (eos_token), which ends a generated name.")
        self.network = network.eval().requires_grad_(False)
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

    def logits(self, embeds: Tensor, mask: Tensor, last: int) -> Tensor:
        """Logits (B, last, V), float32, after each of the last tokens of texts (B, T, width), padded on the left; differentiable."""
        mask = mask.to(self.device, torch.int64)
        output = self.network(
            inputs_embeds=embeds.to(self._embedding.weight.dtype),
            attention_mask=mask,
            position_ids=(mask.cumsum(1) - 1).clamp(min=0),
            use_cache=False,
            logits_to_keep=last,
        )
        return output.logits.float()  # type: ignore[no-any-return]

    def prefill(self, embeds: Tensor, mask: Tensor, after: Prefix | None = None) -> Prefix:
        """Reads prompts; differentiable with respect to the embeddings.

        Args:
            embeds: (B, T, width), padded on the left.
            mask: (B, T): 1 for tokens, 0 for padding.
            after: What stands before each of them: one text for all B, or B texts. It is not read again. Networks with a sliding
                window need prompts of one length here, as padding between the texts counts into their window.

        Raises:
            UsageError: A prompt is longer than the context.
        """
        parents = None
        if after is not None and len(after.mask) != len(embeds):
            parents = torch.zeros(len(embeds), dtype=torch.int64, device=self.device)
        read, logits = self._read(after, parents, embeds.to(self.device), mask.to(self.device), last_only=True)
        return Prefix(*read, logits[:, -1])

    def extend(self, prefix: Prefix, tokens: Tensor, parents: Tensor | None = None) -> Prefix:
        """One more token for each beam.

        Args:
            prefix: Of B sequences.
            tokens: (N,): ids.
            parents: (N,): which of the B sequences each token follows; any number of them may be the same. None: one follows each.

        Returns:
            N sequences, one token longer.
        """
        added = torch.ones(len(tokens), 1, dtype=torch.int64, device=self.device)
        read, logits = self._read(prefix, parents, self.embed(tokens[:, None]), added)
        return Prefix(*read, logits[:, -1])

    def follow(self, prefix: Prefix, tokens: Tensor, mask: Tensor, parents: Tensor) -> Tensor:
        """Logits (N, L, V), float32, after each of the tokens (N, L), padded on the right, that follow sequences `parents` (N,)."""
        return self._read(prefix, parents, self.embed(tokens), mask.to(self.device))[1]

    def rebuild(self, prefix: Prefix, parents: Tensor, entries: tuple[tuple[Tensor, Tensor], ...]) -> Prefix:
        """Sequences `parents` (N,) of the prefix with entries of later tokens, as `last` gives them, joined along their third axis.

        Its logits are not those of the last token but the prefix's.
        """
        cache = _selected(prefix.cache, parents.to(self.device))
        for layer, (keys, values) in enumerate(entries):
            cache.update(keys, values, layer)
        mask = torch.nn.functional.pad(prefix.mask[parents], (0, entries[0][0].shape[2] if entries else 0), value=1)
        return Prefix(cache, mask, prefix.logits[parents])

    def _read(
        self, prefix: Prefix | None, parents: Tensor | None, embeds: Tensor, mask: Tensor, last_only: bool = False
    ) -> tuple[tuple[Any, Tensor], Tensor]:
        """Cache and mask after embeddings that follow a prefix, and their logits."""
        mask, cache, begun = mask.to(torch.int64), None, 0
        if prefix is not None:
            parents = parents if parents is None else parents.to(self.device)
            cache = _selected(prefix.cache, parents)
            before = prefix.mask if parents is None else prefix.mask[parents]
            begun, mask = before.shape[1], torch.cat((before, mask), 1)
        positions = (mask.cumsum(1) - 1).clamp(min=0)[:, begun:]
        if self.context is not None and mask.shape[1] > self.context and (longest := int(mask.sum(1).max())) > self.context:
            raise UsageError(f"a prompt has {longest} tokens with its answer and the language model reads {self.context}.")
        output = self.network(
            inputs_embeds=embeds.to(self._embedding.weight.dtype),
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1 if last_only else 0,
        )
        return (output.past_key_values, mask), output.logits.float()


def _selected(cache: Any, parents: Tensor | None) -> Any:
    """A cache of its own, whose layers share memory with the given one until they grow; reordered and expanded by parents."""
    selected = copy.copy(cache)
    selected.layers = [copy.copy(layer) for layer in cache.layers]
    if parents is not None:
        selected.reorder_cache(parents)
    return selected
