"""GEMEL as a linker: a frozen language model writes the name, or says how likely each listed name is."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import torch
from torch import Tensor

from robustmel.errors import ImageError, MissingError, UsageError
from robustmel.kb import KnowledgeBase
from robustmel.linkers.batches import answered, scored
from robustmel.linkers.contract import Capabilities, capabilities, check_task
from robustmel.linkers.gemel.answers import ranked_candidates, written_entities
from robustmel.linkers.gemel.beam_search import Generated, beam_search
from robustmel.linkers.gemel.checkpoint import FROZEN, blank, gemel_files, read_checkpoint, read_settings
from robustmel.linkers.gemel.demo_file import demo_records, with_demos, write_demo_file
from robustmel.linkers.gemel.demos import Choice, Compared, Order, demo_pool
from robustmel.linkers.gemel.entity_names import EntityNames
from robustmel.linkers.gemel.exact_search import exact_search
from robustmel.linkers.gemel.language_model import LanguageModel, Prefix
from robustmel.linkers.gemel.memory import memory
from robustmel.linkers.gemel.name_scores import listed_scores
from robustmel.linkers.gemel.parameter_check import check_parameters
from robustmel.linkers.gemel.prompt_reader import PromptReader
from robustmel.linkers.gemel.stored_features import StoredFeatures
from robustmel.linkers.gemel.vision import VisionEncoder
from robustmel.linkers.loading import check_device
from robustmel.types import Prediction, Query, Task

OPEN_NAMES = 10_000
"""Names of an open knowledge base that `scores` and `logits` compare, at most."""


class GEMEL:
    """GEMEL, a generative linker: the entity's name is written by a frozen language model.

    An image becomes a few vectors by a linear mapper, the only part that is trained. Demonstrations from the training mentions come
    first, then the question. An open query is answered by beam search over the names of the knowledge base; listed candidates are
    ranked by the mean log-probability of their names. T2T reads blank images (features of zero), in demonstrations too.

    Entities of one name share its score. A search that ends in no name gives NIL with status "dead_end"; without the prefix tree,
    a text that is no name gives NIL with status "unknown_name".

    Args:
        kb: Names and ids.
        model: A folder that `robustmel train gemel` made, or `world:NAME`.
        vision: Another frozen vision encoder than the one trained with; None takes that.
        features: An HDF5 file of features that are read in place of images, which need not be there: no attack on images then.
        language_model: Another copy of the language model; None takes the one trained with.
        demos: Demonstrations in a prompt, as many fewer as it would outgrow the model's context; None takes the number trained with.
        demo_choice: "dense", "bm25", "random" or "fixed": random ones that all queries share, so that a batch reads them once.
        demo_text: What retrieval compares: the "mention", as in the paper, or the "sentence".
        demo_order: "similar_last", as in the paper, or "pool": as they stand in the pool, whichever is the nearest. Queries of a batch then
            share longer beginnings, each of which is read once. It changes what the model reads, and so its answers.
        demo_file: Other demonstrations than those trained with: a file of lines as the folder's `demos.jsonl`, whose images are the same.
        demo_encoder: A sentence encoder for "dense", as SimCSE in the paper; None takes the one trained with, "" the text tower of the
            vision encoder.
        prefix_tree: Allow the names of the knowledge base alone; False lets the model write anything.
        search: "beam", or "exact": a branch and bound that goes on from the beam's best name until no name of the tree can be
            better. A name that it could not prove within the budget has the status "unproved".
        budget: Tokens that an exact search may read for a query.
        beams: Of the search.
        max_new_tokens: Of a name, its end token counted; longer names cannot be reached.
        length_penalty: Exponent of the length by which a score is divided.
        dtype: "float32", "bfloat16" or "float16", of the language model.
        device: "auto" (a GPU where there is one), "cpu", "cuda", ...
        batch_size: Queries answered at a time.

    Source:
        Shi et al., "Generative Multimodal Entity Linking", LREC-COLING 2024.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("IT2T", "T2T")
    version: ClassVar[int] = 1
    open_answers: ClassVar[bool] = True
    trained_as: ClassVar[str] = "gemel"
    memory = staticmethod(memory)
    demo_records, write_demo_file = staticmethod(demo_records), staticmethod(write_demo_file)
    logit_scale: ClassVar[float] = 1.0

    def __init__(
        self,
        kb: KnowledgeBase,
        /,
        *,
        model: str,
        vision: str | None = None,
        features: str | None = None,
        language_model: str | None = None,
        demos: int | None = None,
        demo_choice: Choice = "dense",
        demo_text: Compared = "mention",
        demo_order: Order = "similar_last",
        demo_file: str | None = None,
        demo_encoder: str | None = None,
        prefix_tree: bool = True,
        search: Literal["beam", "exact"] = "beam",
        budget: int = 2_000,
        beams: int = 5,
        max_new_tokens: int = 32,
        length_penalty: float = 1.0,
        dtype: Literal["float32", "bfloat16", "float16"] = "float32",
        device: str = "auto",
        batch_size: int = 16,
    ) -> None:
        check_parameters(
            demos=demos, demo_choice=demo_choice, demo_text=demo_text, demo_order=demo_order, search=search, prefix_tree=prefix_tree,
            budget=budget, beams=beams, max_new_tokens=max_new_tokens, dtype=dtype, batch_size=batch_size,
        )  # fmt: skip
        checkpoint = read_checkpoint(model, vision=vision, language_model=language_model, demo_encoder=demo_encoder)
        if demo_file is not None:
            checkpoint = with_demos(checkpoint, Path(demo_file))
        self.kb, self.batch_size, self.prefix_tree, self.search, self.budget = kb, batch_size, prefix_tree, search, budget
        self.beams, self.max_new_tokens, self.length_penalty = beams, max_new_tokens, length_penalty
        named = checkpoint.settings.named_vision
        self.vision: Any = VisionEncoder(named(), device=device) if features is None else StoredFeatures(features)
        self.reads_images = features is None
        self.lm = LanguageModel.load(checkpoint.settings.language_model, dtype=dtype, device=device)
        checkpoint.check_fits(model, self.vision.width, self.lm.width)
        self.device = self.lm.device
        pool = demo_pool(checkpoint, demo_choice, demo_text, self.vision, device)
        self.prompts = PromptReader(
            self.lm, checkpoint, pool, checkpoint.settings.demos if demos is None else demos, max_new_tokens, demo_order
        )
        self.no_gradient = self.vision.no_gradient
        if self.no_gradient:
            self.logits = None  # type: ignore[assignment, method-assign]  # so it is not `Differentiable`

    @classmethod
    def examine(cls, **parameters: Any) -> Capabilities:
        """What it offers with these parameters.

        Raises:
            RobustMELError: As when it is built.
        """
        check_parameters(**parameters)
        check_device(parameters["device"])
        if parameters["model"]:  # one that is to be trained has none yet
            cls.assets(**parameters)
        if parameters["features"] is None:
            return capabilities(cls)
        why = StoredFeatures(parameters["features"]).no_gradient
        return replace(capabilities(cls), gradients=False, images=False, no_gradient=why)

    @classmethod
    def assets(cls, **parameters: Any) -> tuple[Path, ...]:
        """The mapper with its demonstrations, the vision encoder and the language model."""
        model, others = parameters["model"], {name: parameters.get(name) for name in FROZEN}
        settings = read_settings(model, **others)
        own = () if parameters.get("demo_file") is None else (Path(parameters["demo_file"]),)
        return (*gemel_files(model), *own, *settings.files(parameters.get("features"), parameters.get("demo_choice", "dense")))

    def cut_texts(self, queries: Sequence[Query], task: Task) -> int:
        """How many of these queries' prompts have fewer demonstrations than asked for, as they would outgrow the context."""
        return self.prompts.shortened(queries)

    def showing(self, part: int, of: int) -> Self:
        """The same linker, shown other demonstrations: of the nearest ones in their order every `of`-th, beginning with number `part`.

        It is shown as many of them; none at all with `of = 0`.
        """
        other = copy.copy(self)
        other.prompts = self.prompts.showing(part, of)
        return other

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        """One prediction a query, in order; see the class.

        A query whose image cannot be used gets an error row, and so does one with a candidate that is not in the knowledge base
        ("unknown_candidate"), one whose question alone outgrows the context ("too_long"), and one whose scores are not finite.
        """
        check_task(self, task)
        return answered(queries, self.batch_size, lambda batch: self._answer(batch, task))

    @torch.no_grad()
    def scores(self, queries: Sequence[Query], task: Task) -> Tensor:
        """float32 (B, C) mean log-probabilities, from each query's own image; see `logits`.

        Raises:
            ImageError: The image of a query cannot be used.
            UsageError: As `logits`.
        """
        check_task(self, task)
        return scored(
            queries,
            self.batch_size,
            lambda part: self._scores(part, torch.cat([self._features(query, task) for query in part]), task),
        )

    def logits(self, pixels: Tensor, queries: Sequence[Query], task: Task = "IT2T") -> Tensor:
        """float32 (B, C): log-probability of each candidate's name by its length, differentiable down to the raw pixels.

        Args:
            pixels: Floats (B, 3, H, W) in [0, 1]; they stand in for the queries' images.
            queries: B queries; missing columns of shorter lists hold minus infinity, and so do names that cannot be written. The
                row of a query whose question alone outgrows the context holds NaN.
            task: "IT2T".

        Raises:
            UsageError: The task reads no pixels, or the knowledge base is open and too large to compare every name.
        """
        check_task(self, task, pixels=True)
        return self._scores(queries, self.vision.features(pixels), task)

    # How it is done ---------------------------------------------------------------------------------------------------

    @cached_property
    def names(self) -> EntityNames:
        """Of the knowledge base, in its order."""
        return EntityNames([entity.name for entity in self.kb], self.lm.tokenizer, self.max_new_tokens)

    def _features(self, query: Query, task: Task) -> Tensor:
        """float32 (1, width) of a query's image; blank ones for T2T."""
        if task == "T2T":
            return blank(self.vision.width)
        features: Tensor = self.vision.picture_features([self.vision.read(query.image_file)])
        return features

    def _answer(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        answers: dict[int, Prediction] = {}
        features: list[Tensor] = []
        for index, query in enumerate(queries):
            try:
                if any(candidate not in self.kb for candidate in query.candidates or ()):
                    answers[index] = Prediction(query.id, error="unknown_candidate")
                elif not self.prompts.fits(query):
                    answers[index] = Prediction(query.id, error="too_long")
                else:
                    features.append(self._features(query, task))
            except ImageError as problem:
                answers[index] = Prediction(query.id, error=problem.kind)
        sound = [query for index, query in enumerate(queries) if index not in answers]
        rows = iter(self._linked(sound, torch.cat(features), task) if sound else ())
        return [answers[index] if index in answers else next(rows) for index in range(len(queries))]

    @torch.no_grad()
    def _linked(self, queries: Sequence[Query], features: Tensor, task: Task) -> list[Prediction]:
        if self.prefix_tree and all(query.candidates is not None for query in queries):
            table = self._scores(queries, features, task).cpu()
            ranked = [ranked_candidates(query, row, self.kb) for query, row in zip(queries, table, strict=True)]
            return self._with_demos(ranked, queries, task)
        if self.prefix_tree and any(query.candidates is not None for query in queries):
            parts = [self._linked([query], row[None], task) for query, row in zip(queries, features, strict=True)]
            return [part[0] for part in parts]
        prompts = self.prompts.read(queries, features, task == "T2T")
        answers = []
        for query, count, (result, proved) in zip(queries, prompts.mask.sum(1).tolist(), self._searched(prompts), strict=True):
            answer = written_entities(query, result, self.names, self.kb, self.prefix_tree, count)
            answers.append(answer if proved or answer.status != "ok" else replace(answer, status="unproved"))
        return self._with_demos(answers, queries, task)

    def _with_demos(self, answers: Sequence[Prediction], queries: Sequence[Query], task: Task) -> list[Prediction]:
        shown = self.prompts.shown(queries, task == "T2T")
        return [replace(answer, demos=demos) for answer, demos in zip(answers, shown, strict=True)]

    def _searched(self, prompts: Prefix) -> Iterator[tuple[Generated, bool]]:
        """What was written after each prompt, and whether it is what was asked for: an exact search may end unproved."""
        trie = self.names.trie if self.prefix_tree else None
        for row, result in enumerate(beam_search(self.lm, prompts, trie, self.beams, self.max_new_tokens, self.length_penalty)):
            if self.search == "beam" or trie is None or result.broken:
                yield result, True
                continue
            known = result.hypotheses[0] if result.hypotheses else None
            exact = exact_search(self.lm, prompts, trie, row, self.length_penalty, self.budget, known=known)
            best = () if exact.best is None else (exact.best,)
            others = tuple(other for other in result.hypotheses if best and other.state != best[0].state)
            yield Generated(best + others, exact.broken), exact.proved

    def _scores(self, queries: Sequence[Query], features: Tensor, task: Task) -> Tensor:
        """(B, C): of every candidate's name."""
        if any(query.candidates is None for query in queries) and len(self.kb) > OPEN_NAMES:
            raise UsageError(
                f"the knowledge base has {len(self.kb):,} names, and GEMEL scores {OPEN_NAMES:,} at most; list candidates instead, "
                'such as candidates = "bm25".'
            )
        tokens = self.names.tokens
        if absent := [entity for query in queries for entity in query.candidates or () if entity not in self.kb]:
            raise MissingError(f'candidate "{absent[0]}" is not in the knowledge base.')
        places = [
            range(len(self.kb)) if query.candidates is None else [self.kb.position(entity) for entity in query.candidates]
            for query in queries
        ]
        fits = [self.prompts.fits(query) for query in queries]
        asked = [query if fit else replace(query, text="", surface="") for query, fit in zip(queries, fits, strict=True)]
        names = [[tokens[place] for place in row] for row in places]
        table = listed_scores(self.lm, self.prompts.read(asked, features, task == "T2T"), names, self.length_penalty)
        return table + table.new_tensor([0.0 if fit else torch.nan for fit in fits])[:, None]
