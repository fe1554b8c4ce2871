"""Multimodal language models as linkers: candidates by the log-probability of their names, or a number that is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Literal, Self

import torch
from torch import Tensor

from robustmel.errors import ImageError, MissingError
from robustmel.images import decode
from robustmel.kb import KnowledgeBase
from robustmel.linkers.batches import answered, scored
from robustmel.linkers.chat.prompt import Prompt, one_line
from robustmel.linkers.chat.reply_parser import answer_of_reply
from robustmel.linkers.contract import check_task
from robustmel.linkers.gemel.beam_search import beam_search
from robustmel.linkers.gemel.language_model import Prefix
from robustmel.linkers.gemel.name_scores import listed_scores
from robustmel.linkers.loading import pick_device
from robustmel.linkers.mllm.declaration import Answer, MLLMDeclaration, check_parameters, no_gradient, prompt_folder
from robustmel.linkers.mllm.model import Vectors, VisionLanguageModel
from robustmel.linkers.mllm.reference import reference
from robustmel.linkers.packaged_prompts import read_prompt
from robustmel.linkers.preprocessing import Picture
from robustmel.linkers.ranking import in_order_shown, ranking
from robustmel.linkers.smoke_test import score_trial
from robustmel.linkers.texts import name_of
from robustmel.types import TASKS, Entity, Prediction, Query, Task, Usage


class MLLM(MLLMDeclaration):
    """Base of the multimodal language models: all but what their family says.

    With `answer = "labels"` the model is asked for a name, and every candidate is scored by the log-probability that the model
    writes its name and then stops: the sum over the tokens, the end token among them, divided by their number to the power of
    `length_penalty`. These scores have gradients down to the raw pixels. No list is shown, so no order matters; sentences that a query
    has for its candidates (`Query.labels`) are shown above the question, in alphabetical order, and the names are scored all the same.
    With `answer = "index"` it is shown a numbered list, in an order drawn for each query from its seed, and writes a number; what is not
    clear is wrong, with status "unparsed". Image and question are read once for all candidates of a mention.

    Args:
        kb: Names of the candidates.
        model: A local folder in the Hugging Face layout, a hub id, or `world:NAME` for an embedded checkpoint.
        revision: Branch, tag or commit, for a hub id.
        answer: "labels" or "index".
        prompt: Version of the prompt.
        shuffle: Whether a list is shown in an order drawn for each query.
        length_penalty: Exponent of the length by which a score is divided; 0 compares the probabilities themselves.
        max_new_tokens: Of a reply.
        dtype: "float32", "bfloat16" or "float16", of the weights in memory.
        device: "auto" (a GPU where there is one), "cpu", "cuda", ...
        batch_size: Queries answered at a time.
        canary: Mentions, at most, that are also answered by the library's own path, one at a time, before clean answers are kept; 0
            answers none so.

    Attributes:
        no_gradient: Why it has no `logits`; "" where it has.

    Raises:
        UsageError: A parameter is out of its range, or the folder holds another family.
        MissingError: The model or the device is not there.
    """

    tasks: ClassVar[tuple[Task, ...]] = TASKS
    version: ClassVar[int] = 1
    reads_labels: ClassVar[bool] = True
    labels_version: ClassVar[int] = 1
    trained_as: ClassVar[str] = "mllm"
    unkeyed: ClassVar[tuple[str, ...]] = ("canary",)
    logit_scale: ClassVar[float] = 1.0
    family: ClassVar[type[VisionLanguageModel]]
    random: bool = False

    def __init__(
        self, kb: KnowledgeBase, /, *, model: str, revision: str | None = None, answer: Answer = "labels", prompt: int = 1,
        shuffle: bool = True, length_penalty: float = 0.0, max_new_tokens: int = 16,
        dtype: Literal["float32", "bfloat16", "float16"] = "float32", device: str = "auto", batch_size: int = 16, canary: int = 200,
    ) -> None:  # fmt: skip
        check_parameters(answer=answer, prompt=prompt, dtype=dtype, batch_size=batch_size, max_new_tokens=max_new_tokens)
        loaded = self.family.load(model, revision, dtype, pick_device(device))
        self._take(kb, loaded, answer, prompt, shuffle, length_penalty, max_new_tokens, batch_size)
        self.canary = canary
        asked = Query("trial", "A red flag.", "flag", (6, 10), None, ("red", "blue"))
        trial = type(self).around(KnowledgeBase(Entity(name, name) for name in asked.listed), loaded, 1)
        score_trial(lambda pictures: trial._scored([asked], loaded.picture_vectors(pictures), "I2T")[0], model)

    @classmethod
    def around(cls, kb: KnowledgeBase, model: VisionLanguageModel, batch_size: int) -> Self:
        """The linker of a model in memory, with `answer = "labels"`."""
        linker = cls.__new__(cls)
        linker._take(kb, model, "labels", 1, True, 0.0, 16, batch_size)
        return linker

    def _take(
        self, kb: KnowledgeBase, model: VisionLanguageModel, answer: Answer, prompt: int, shuffle: bool, length_penalty: float,
        max_new_tokens: int, batch_size: int,
    ) -> None:  # fmt: skip
        self.kb, self.model, self.device, self.answer, self.batch_size = kb, model, model.device, answer, batch_size
        self.length_penalty, self.max_new_tokens = length_penalty, max_new_tokens
        self.prompt: Prompt = read_prompt(Prompt, prompt_folder(answer), prompt)
        self.random = self.shuffled = answer == "index" and shuffle
        self.tolerance = 0.01 if model.network.dtype == torch.float32 else 0.5
        self.no_gradient = no_gradient(answer) or self.model.preprocessing.no_gradient
        if self.no_gradient:
            self.logits = None  # type: ignore[assignment, method-assign]  # so it is not `Differentiable`
        if answer == "index":
            self.scores = None  # type: ignore[assignment, method-assign]

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        """One prediction a query, in order; see the class.

        A query without candidates gets the empty ranking (NIL). One whose image cannot be used gets an error row, and so does one
        with a candidate that is not in the knowledge base ("unknown_candidate"), one that outgrows the context ("too_long"), and
        one whose scores are no numbers. A name that cannot be written is ranked nowhere.
        """
        check_task(self, task)
        return answered(queries, self.batch_size, lambda batch: self._linked(batch, task))

    @torch.no_grad()
    def scores(self, queries: Sequence[Query], task: Task) -> Tensor:
        """float32 (B, C) log-probabilities, from each query's own image; see `logits`.

        Raises:
            ImageError: The image of a query cannot be used.
        """
        check_task(self, task)
        return scored(
            queries,
            self.batch_size,
            lambda part: self._scored(part, self._seen([self.picture(query, task) for query in part]), task)[0],
        )

    def logits(self, pixels: Tensor, queries: Sequence[Query], task: Task = "I2T") -> Tensor:
        """float32 (B, C): log-probability of each candidate's name, differentiable down to the raw pixels.

        Args:
            pixels: Floats (B, 3, H, W) in [0, 1]; they stand in for the queries' images.
            queries: B queries; missing columns of shorter lists hold minus infinity, and so do names that cannot be written. The
                row of a query that outgrows the context holds NaN.
            task: "I2T" or "IT2T".

        Raises:
            UsageError: The task reads no pixels.
        """
        check_task(self, task, pixels=True)
        return self._scored(queries, self.model.pixel_vectors(pixels), task)[0]

    def reference(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        """See `contract.HasReference`: by the library's own processor, model and `generate`."""
        return reference(self, queries, task)

    def shown(self, query: Query) -> list[str]:
        """The candidates in the order in which they are listed."""
        return in_order_shown(query, self.random)

    def question(self, query: Query, task: Task) -> str:
        """What is asked of a query."""
        asked = self.prompt.question(query, task, [name_of(self.kb, query, entity) for entity in self.shown(query)])
        if self.answer == "index" or not query.labels:
            return asked
        return "\n".join([*sorted(self._statement(query, entity) for entity in query.listed), asked])

    def _statement(self, query: Query, entity: str) -> str:
        """A candidate's sentence on its line, its name before it where it does not begin with that."""
        name, sentence = self.kb[entity].name, one_line(name_of(self.kb, query, entity))
        return sentence if sentence.startswith(name) else f"{name}: {sentence}"

    def tokens_of(self, text: str) -> int:
        """How many tokens a text becomes."""
        return len(self.model.answer(text))

    def room_for(self, candidates: int) -> int | None:
        """Tokens of each sentence where so many have one: half the context is left to image and question. None where nothing limits them."""
        context = self.model.lm.context
        return None if context is None else max(1, context // 2 // max(candidates, 1))

    def picture(self, query: Query, task: Task) -> Picture | None:
        """The query's image; None where the task reads none."""
        return None if task == "T2T" else decode(query.image_file)

    def _seen(self, pictures: Sequence[Picture | None]) -> Vectors | None:
        kept = [picture for picture in pictures if picture is not None]
        return self.model.picture_vectors(kept) if kept else None

    def _linked(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        answers: dict[int, Prediction] = {}
        sound: list[Query] = []
        features: list[Tensor] = []
        for index, query in enumerate(queries):
            try:
                if not query.listed:
                    answers[index] = Prediction(query.id, status="nil")
                elif any(candidate not in self.kb for candidate in query.listed):
                    answers[index] = Prediction(query.id, error="unknown_candidate")
                else:
                    features += self._seen([self.picture(query, task)]) or ()
                    sound.append(query)
            except ImageError as problem:
                answers[index] = Prediction(query.id, error=problem.kind)
        answer = self._by_scores if self.answer == "labels" else self._by_index
        rows = iter(answer(sound, features or None, task) if sound else ())
        return [answers[index] if index in answers else next(rows) for index in range(len(queries))]

    @torch.no_grad()
    def _by_scores(self, queries: Sequence[Query], features: Vectors | None, task: Task) -> list[Prediction]:
        table, fits, read = self._scored(queries, features, task)
        return [
            replace(self.ranked(query, row), usage=Usage(1, tokens)) if fit else Prediction(query.id, error="too_long")
            for query, row, fit, tokens in zip(queries, table.cpu(), fits, read, strict=True)
        ]

    def ranked(self, query: Query, scores: Tensor) -> Prediction:
        """The candidates by score; those whose names cannot be written are left out."""
        own = scores[: len(query.listed)]
        written = [entity for entity, score in zip(query.listed, own.tolist(), strict=True) if score != -torch.inf]
        answer = ranking(replace(query, candidates=tuple(written)), own[own != -torch.inf])
        if answer.error:
            return answer
        return replace(answer, text=self.kb[answer.ranked[0]].name) if written else replace(answer, status="dead_end")

    @torch.no_grad()
    def _by_index(self, queries: Sequence[Query], features: Vectors | None, task: Task) -> list[Prediction]:
        prompts, prefix, fits = self._read(queries, features, task)
        written = beam_search(self.model.lm, prefix, None, 1, self.max_new_tokens, 0.0)
        answers = []
        for query, prompt, result, fit in zip(queries, prompts, written, fits, strict=True):
            if not fit or result.broken:
                answers.append(Prediction(query.id, error="non_finite" if fit else "too_long"))
                continue
            tokens = result.hypotheses[0].tokens
            text = self.text(tokens)
            answers.append(replace(self.parsed(query, text), usage=Usage(1, len(prompt), len(tokens) + 1)))
        return answers

    def text(self, tokens: Sequence[int]) -> str:
        """What was written, up to where the family ends a reply."""
        text, stop = str(self.model.tokenizer.decode(tokens, skip_special_tokens=True)), self.model.stop
        return text.partition(stop)[0] if stop else text

    def parsed(self, query: Query, text: str) -> Prediction:
        """The answer that a reply means."""
        listed = self.shown(query)
        return answer_of_reply(query, text, listed, [name_of(self.kb, query, entity) for entity in listed])

    def _read(
        self, queries: Sequence[Query], features: Vectors | None, task: Task
    ) -> tuple[list[list[int]], Prefix, list[bool]]:
        """The prompts, read, and whether the context has room for each with its answer; one that does not fit is not read."""
        counts = [0] * len(queries) if features is None else [vectors[..., 0].numel() for vectors in features]
        prompts = [self.model.prompt(self.question(query, task), count) for query, count in zip(queries, counts, strict=True)]
        most = (self.model.lm.context or 2**62) - self.max_new_tokens
        fits = [len(prompt) <= most for prompt in prompts]
        asked = [prompt if fit else [self.model.lm.end] for prompt, fit in zip(prompts, fits, strict=True)]
        seen = features and [vectors if fit else vectors[:0] for vectors, fit in zip(features, fits, strict=True)]
        return prompts, self.model.read(asked, seen), fits

    def _scored(self, queries: Sequence[Query], features: Vectors | None, task: Task) -> tuple[Tensor, list[bool], list[int]]:
        """(B, C): of every candidate's name; which queries fit into the context, the rows of the others being NaN; the tokens read."""
        if absent := [entity for query in queries for entity in query.listed if entity not in self.kb]:
            raise MissingError(f'candidate "{absent[0]}" is not in the knowledge base.')
        answers = [[self.model.answer(self.kb[entity].name) for entity in query.listed] for query in queries]
        names = [[name if len(name) < self.max_new_tokens else () for name in row] for row in answers]
        prompts, prefix, fits = self._read(queries, features, task)
        table = listed_scores(self.model.lm, prefix, names, self.length_penalty)
        read = [len(prompt) + sum(len(name) + 1 for name in row if name) for prompt, row in zip(prompts, names, strict=True)]
        return table + table.new_tensor([0.0 if fit else torch.nan for fit in fits])[:, None], fits, read
