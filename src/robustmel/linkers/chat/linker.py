"""Multimodal language models behind a chat endpoint, as linkers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from robustmel.errors import ImageError
from robustmel.kb import KnowledgeBase
from robustmel.linkers.chat.at_once import at_once
from robustmel.linkers.chat.chat_model import ChatModel, image_part
from robustmel.linkers.chat.prompt import Prompt
from robustmel.linkers.chat.reply_parser import chosen
from robustmel.linkers.chat.service import ChatError
from robustmel.linkers.chat.settings import UNKEYED, check, expected, name_of
from robustmel.linkers.contract import Capabilities
from robustmel.linkers.packaged_prompts import read_prompt
from robustmel.linkers.ranking import in_order_shown
from robustmel.types import TASKS, Prediction, Query, Task, Usage


class Chat:
    """A multimodal language model behind any OpenAI-compatible endpoint (vLLM, SGLang, Ollama, `transformers serve`, hosted ones).

    It is shown the image and a numbered list of candidates, and asked for a number. The list is shuffled for each query, from its
    seed, so that a habit of choosing the first does not look like skill. A reply that names no candidate clearly is wrong, with status
    "unparsed"; so is one with status "refused", "truncated" or "tool_call". A call without a reply is an error of its row; the same
    command asks again. Replies are kept in a file by model, prompt, pixels and parameters: what was answered is never asked twice.
    There are no gradients and no scores: attack another linker and show it the images (`source = "clip"`), or hand it a perturbed set.

    Args:
        kb: Names of the candidates.
        model: Its name at the endpoint.
        endpoint: Base address of the endpoint.
        key_variable: Name of the environment variable that holds the key; the key itself is written nowhere.
        prompt: Version of the prompt.
        shuffle: Whether the candidates are listed in an order drawn for each query.
        temperature: 0 takes the likeliest token each time.
        max_tokens: Of a reply.
        options: Further keys of the request, in their place ({"max_completion_tokens": 64}).
        leave_out: Keys of the request that the endpoint does not take ("temperature").
        max_side: Longer images are reduced to this many pixels before they are sent, as PNG.
        in_flight: Requests that are open at the same time.
        deadline: Seconds for one answer, tries and waits included.
        replies: File of the kept replies.
        max_calls: Calls in all, those of earlier runs with the same file included; None sets no limit.
        price_read: Of a million tokens read, in any currency.
        price_written: Of a million tokens written.
        max_cost: In that currency, in all; None sets no limit.

    Raises:
        UsageError: A parameter is out of its range.

    Source:
        The prompts: the visual-attack paper's for MLLMs, in I2T and IT2T; see prompt-1.toml.
    """

    tasks: ClassVar[tuple[Task, ...]] = TASKS
    version: ClassVar[int] = 1
    reads_labels: ClassVar[bool] = True
    random: ClassVar[bool] = True
    remote: ClassVar[bool] = True
    unkeyed: ClassVar[tuple[str, ...]] = UNKEYED

    def __init__(
        self, kb: KnowledgeBase, /, *, model: str, endpoint: str = "http://localhost:8000/v1", key_variable: str = "OPENAI_API_KEY",
        prompt: int = 1, shuffle: bool = True, temperature: float = 0.0, max_tokens: int = 64,
        options: Mapping[str, Any] | None = None, leave_out: Sequence[str] = (), max_side: int = 1024, in_flight: int = 8,
        deadline: float = 120.0, replies: str = ".robustmel/chat.sqlite", max_calls: int | None = None, price_read: float = 0.0,
        price_written: float = 0.0, max_cost: float | None = None,
    ) -> None:  # fmt: skip
        self.examine(
            model=model, prompt=prompt, temperature=temperature, max_tokens=max_tokens, max_side=max_side, in_flight=in_flight,
            deadline=deadline, max_calls=max_calls, price_read=price_read, price_written=price_written, max_cost=max_cost,
        )  # fmt: skip
        self.kb, self.prompt, self.shuffled, self.max_side = kb, read_prompt(Prompt, "chat", prompt), shuffle, max_side
        settings = {"model": model, "temperature": temperature, "max_tokens": max_tokens} | dict(options or {})
        self._model = ChatModel(
            endpoint, {name: value for name, value in settings.items() if name not in leave_out}, key_variable=key_variable,
            deadline=deadline, replies=replies, max_calls=max_calls, prices=(price_read, price_written), max_cost=max_cost,
        )  # fmt: skip
        self._draws, self._in_flight = temperature > 0, in_flight

    @classmethod
    def examine(cls, *, prompt: int = 1, **parameters: object) -> Capabilities:
        """What it offers; raises UsageError for a parameter that is out of its range."""
        check("chat", parameters)
        read_prompt(Prompt, "chat", prompt)
        return Capabilities(cls.tasks, labels=True, random=cls.random, no_gradient="a chat endpoint gives text alone")

    @staticmethod
    def tokens(kb: KnowledgeBase, queries: Sequence[Query], task: Task, **parameters: Any) -> Usage:
        """About what these queries cost; see `expected`."""
        prompt = read_prompt(Prompt, "chat", parameters["prompt"])
        asked = [prompt.question(query, task, [name_of(kb, query, entity) for entity in query.listed]) for query in queries]
        return expected(parameters["replies"], asked, queries, task, parameters["max_side"], parameters["max_tokens"])

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        """One prediction a query, in order, several asked at a time.

        Raises:
            MissingError: The endpoint refuses the key or knows no such model.
            RobustMELError: A limit on calls or cost is reached; what was answered is kept.
        """
        return list(at_once(lambda query: self._answer(query, task), queries, self._in_flight))

    def shown(self, query: Query) -> list[str]:
        """The candidates in the order in which they are listed."""
        return in_order_shown(query, self.shuffled)

    def _answer(self, query: Query, task: Task) -> Prediction:
        began = time.perf_counter()
        listed = self.shown(query)
        if not listed:
            return Prediction(query.id, status="nil")
        if any(entity not in self.kb for entity in listed):
            return Prediction(query.id, error="unknown_candidate")
        labels = [name_of(self.kb, query, entity) for entity in listed]
        try:
            asked = [{"role": "user", "content": self._content(query, task, labels)}]
        except ImageError as problem:
            return Prediction(query.id, error=problem.kind)
        try:
            reply = self._model.ask(asked, {"seed": query.seed % 2**31} if self._draws else {})
        except ChatError as problem:
            return Prediction(query.id, error=str(problem), seconds=time.perf_counter() - began)
        places = chosen(reply.text, labels) if reply.status == "ok" else None
        status = reply.status if reply.status != "ok" else "unparsed" if places is None else "ok" if places else "nil"
        ranked = tuple(listed[place] for place in places or ())
        usage, seconds = Usage(1, reply.tokens_read, reply.tokens_written), time.perf_counter() - began
        return Prediction(query.id, ranked, (1.0,) * len(ranked), seconds=seconds, text=reply.text, status=status, usage=usage)

    def _content(self, query: Query, task: Task, labels: Sequence[str]) -> list[dict[str, Any]]:
        asked = {"type": "text", "text": self.prompt.question(query, task, labels)}
        return [asked] if task == "T2T" else [image_part(query, self.max_side), asked]
