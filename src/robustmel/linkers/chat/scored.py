"""Multimodal language models behind an endpoint that gives probabilities: linkers with scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from robustmel.errors import MissingError
from robustmel.kb import KnowledgeBase
from robustmel.linkers.chat.chat_model import ChatModel, png
from robustmel.linkers.chat.endpoint_linker import EndpointLinker
from robustmel.linkers.chat.letter_scores import LETTERS, Decision, LetterPrompt, LetterScores, LogProbabilities, Way
from robustmel.linkers.chat.limits import Limits
from robustmel.linkers.chat.prompt import one_line
from robustmel.linkers.chat.settings import check, expected
from robustmel.linkers.contract import Capabilities
from robustmel.linkers.packaged_prompts import read_prompt
from robustmel.linkers.ranking import ranking
from robustmel.linkers.texts import name_of
from robustmel.types import Prediction, Query, Task, Usage

if TYPE_CHECKING:
    from torch import Tensor

FOLDER = "chat/letters"
"""Of its prompts."""


class ChatScores(EndpointLinker):
    """A multimodal language model behind an endpoint, by the probabilities of its answers: enough for Square and for margins.

    It is shown the image and a list of candidates with letters, shuffled for each query from its seed; the score of a candidate is the
    log-probability of its letter. Candidates that read the same are listed once and score the same. Lists longer than 26 are error
    rows ("too_many_candidates"). Every image that an attack tries is a call of its own; all are kept as the linker `chat` keeps
    them, so an attack that was killed takes the same way again and pays for nothing twice.

    Args:
        kb: Names of the candidates.
        model: Its name at the endpoint.
        endpoint: Base address of the endpoint.
        by: "logprobs", the log-probabilities of a chat endpoint (vLLM, SGLang, OpenAI), or "decision", the decision endpoint of
            `transformers serve`.
        prompt: Version of the prompt.
        shuffle: Whether the candidates are listed in an order drawn for each query.
        top: Tokens whose log-probabilities a chat endpoint is to name.
        options: Further keys of the request, in their place.
        leave_out: Keys of the request that the endpoint does not take ("temperature").
        max_side: Longer images are reduced to this many pixels before they are sent, as PNG.
        key_variable: See the linker `chat`, as for all that follow.
        in_flight: Requests that are open at the same time.
        deadline: Seconds for one answer, tries and waits included.
        replies: File of the kept replies.
        max_calls: Calls in all; None sets no limit.
        price_read: Of a million tokens read.
        price_written: Of a million tokens written.
        max_cost: In that currency; None sets no limit.
        max_total_tokens: Tokens read and written; None sets no limit.

    Raises:
        UsageError: A parameter is out of its range.

    Source:
        The questions: the visual-attack paper's for MLLMs; see letters/prompt-1.toml.
    """

    version: ClassVar[int] = 1

    def __init__(
        self, kb: KnowledgeBase, /, *, model: str, endpoint: str = "http://localhost:8000/v1", by: Way = "logprobs", prompt: int = 1,
        shuffle: bool = True, top: int = 20, options: Mapping[str, Any] | None = None, leave_out: Sequence[str] = (),
        max_side: int = 1024, key_variable: str = "OPENAI_API_KEY", in_flight: int = 8, deadline: float = 120.0,
        replies: str = ".robustmel/chat.sqlite", max_calls: int | None = None, price_read: float = 0.0, price_written: float = 0.0,
        max_cost: float | None = None, max_total_tokens: int | None = None,
    ) -> None:  # fmt: skip
        check("linker chat-scores", {name: value for name, value in locals().items() if name not in ("self", "kb")})
        self.kb, self.shuffled, self.max_side, self.in_flight = kb, shuffle, max_side, in_flight
        self._prompt = read_prompt(LetterPrompt, FOLDER, prompt)
        settings: dict[str, Any] = {"model": model}
        settings |= {"temperature": 0, "max_tokens": 1} if by == "logprobs" else {}
        settings = {name: value for name, value in (settings | dict(options or {})).items() if name not in leave_out}
        self._way: LetterScores = LogProbabilities(settings, top) if by == "logprobs" else Decision(settings)
        self._nothing = f'{endpoint} gives no log-probabilities; for transformers serve set by = "decision", for others use the linker chat.'
        self._model = ChatModel(
            endpoint, {}, key_variable=key_variable, deadline=deadline, replies=replies,
            limits=Limits(max_calls, max_total_tokens, max_cost, price_read, price_written),
        )  # fmt: skip

    @classmethod
    def examine(cls, *, prompt: int = 1, **parameters: object) -> Capabilities:
        """What it offers; raises UsageError for a parameter that is out of its range."""
        check("linker chat-scores", parameters)
        read_prompt(LetterPrompt, FOLDER, prompt)
        return Capabilities(cls.tasks, scores=True, labels=True, random=True, no_gradient="an endpoint gives scores alone")

    @staticmethod
    def tokens(kb: KnowledgeBase, queries: Sequence[Query], task: Task, **parameters: Any) -> Usage:
        """About what these queries cost; see `expected`."""
        prompt = read_prompt(LetterPrompt, FOLDER, parameters["prompt"])
        asked = [prompt.whole(query, task, [name_of(kb, query, entity) for entity in query.listed]) for query in queries]
        written = int(parameters["by"] == "logprobs")
        return expected(parameters["replies"], asked, queries, task, parameters["max_side"], written)

    def scores(self, queries: Sequence[Query], task: Task) -> Tensor:
        """float32 (B, C) log-probabilities, from each query's own image; the row of a query without an answer holds NaN."""
        import torch

        answers = self.link(queries, task)
        table = torch.full((len(queries), max((len(query.listed) for query in queries), default=0)), -torch.inf)
        for row, query, answer in zip(table, queries, answers, strict=True):
            own = dict(zip(answer.ranked, answer.scores, strict=True))
            row[: len(query.listed)] = torch.tensor([own.get(entity, torch.nan) for entity in query.listed])
        return table

    def ask(self, query: Query, task: Task, listed: Sequence[str]) -> Prediction:
        """See `EndpointLinker.ask`."""
        import torch

        names = {entity: one_line(name_of(self.kb, query, entity)) for entity in listed}
        labels = list(dict.fromkeys(names[entity] for entity in listed))
        if len(labels) > len(LETTERS):
            return Prediction(query.id, error=f"too_many_candidates: {len(labels)}, and letters end at {len(LETTERS)}")
        image = None if task == "T2T" else png(query, self.max_side)
        reply = self._model.request(self._way.body(self._prompt, query, task, labels, image), self._way.route)
        try:
            scores = dict(zip(labels, self._way.scores(reply, labels), strict=False))
        except KeyError:
            return Prediction(query.id, error="malformed: the endpoint's reply leaves candidates out")
        told: dict[str, Any] = {"text": reply.text, "usage": Usage(1, reply.tokens_read, reply.tokens_written)}
        if not scores and reply.status == "ok":
            raise MissingError(self._nothing)
        if not scores:
            return Prediction(query.id, status=reply.status, **told)
        answer = ranking(query, torch.tensor([scores[names[entity]] for entity in query.listed], dtype=torch.float64))
        return Prediction(query.id, answer.ranked, answer.scores, error=answer.error, **told)
