"""Scores of lettered candidates by one request: an endpoint's log-probabilities of the first token, or a decision endpoint's."""

from __future__ import annotations

import hashlib
import math
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from robustmel.linkers.chat.prompt import one_line
from robustmel.linkers.chat.service import MESSAGES, Reply, Route, counted, read_message
from robustmel.types import Query, Task

LETTERS = string.ascii_uppercase
"""Each is one token of any tokenizer that is in use; "10" is two of some."""

LEAST_PROBABILITY = 1e-45
"""What stands for a probability of 0, the smallest number of single precision: its logarithm is finite."""

Way = Literal["logprobs", "decision"]


@dataclass(frozen=True)
class LetterPrompt:
    """What is asked of a list with letters.

    Args:
        version: Of the file.
        answer: How to answer.
        state: Task -> what stands before the list, with `{text}` and `{mention}`.
        question: Task -> what stands behind it.
    """

    version: int
    answer: str
    state: Mapping[str, str]
    question: Mapping[str, str]

    def before(self, query: Query, task: Task) -> str:
        """What is said of a query, without image and list."""
        return self.state[task].format(text=one_line(query.text), mention=one_line(query.surface)).strip()

    def whole(self, query: Query, task: Task, labels: Sequence[str]) -> str:
        """All of it in one text."""
        listed = "\n".join(f"{letter}. {label}" for letter, label in zip(LETTERS, labels, strict=False))
        return f"{self.before(query, task)}\n{listed}\n\n{self.question[task]}\n{self.answer}".strip()


class LetterScores(Protocol):
    """A way to ask."""

    route: Route

    def body(self, prompt: LetterPrompt, query: Query, task: Task, labels: Sequence[str], image: str | None) -> dict[str, Any]:
        """The request.

        Args:
            prompt: What is asked.
            query: Whom about.
            task: How.
            labels: The candidates, no two of them the same, in the order of their letters.
            image: Base64 of a PNG; None where the task reads none.
        """

    def scores(self, reply: Reply, labels: Sequence[str]) -> list[float]:
        """A log-probability for every label; empty where the endpoint gave none."""


class LogProbabilities:
    """Those of the first token that a chat endpoint would write.

    Every token that is a letter but for blanks counts ("A", " A"). Endpoints name the likeliest tokens alone: a letter that is not
    among them gets the least log-probability that was named, which its own does not exceed.

    Args:
        settings: What every request holds beside its messages.
        top: Tokens that the endpoint is to name; 20 is the most that OpenAI's takes.
    """

    def __init__(self, settings: Mapping[str, Any], top: int) -> None:
        self.route = Route(MESSAGES.path, read_log_probabilities)
        self._settings = {"logprobs": True, "top_logprobs": top, **settings}

    def body(self, prompt: LetterPrompt, query: Query, task: Task, labels: Sequence[str], image: str | None) -> dict[str, Any]:
        """See `LetterScores.body`."""
        picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{image}"}}
        content = [picture] * (image is not None) + [{"type": "text", "text": prompt.whole(query, task, labels)}]
        return self._settings | {"messages": [{"role": "user", "content": content}]}

    def scores(self, reply: Reply, labels: Sequence[str]) -> list[float]:
        """See `LetterScores.scores`."""
        if not reply.scores:
            return []
        least = min(reply.scores.values())
        sums = dict.fromkeys(LETTERS[: len(labels)], -math.inf)
        for token, value in reply.scores.items():
            if (letter := token.strip()) in sums:
                sums[letter] = _log_sum(sums[letter], value)
        return [max(value, least) for value in sums.values()]


class Decision:
    """The decision endpoint of `transformers serve`, `/v1/systemone`: one pass of the model, and a probability for each option.

    It puts the list and the last line itself.

    Args:
        settings: What every request holds beside the question.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.route = Route("/systemone", read_decision)
        self._settings = dict(settings)

    def body(self, prompt: LetterPrompt, query: Query, task: Task, labels: Sequence[str], image: str | None) -> dict[str, Any]:
        """See `LetterScores.body`."""
        state = prompt.before(query, task)
        asked = {"type": "choice", "instructions": prompt.question[task], "criteria": dict.fromkeys(labels)}
        body = self._settings | {"questions": {"candidate": asked}}
        if image is None:
            return body | {"state": state}
        # The endpoint shows the image wherever this word stands, so no text may hold it.
        place = f"image-{hashlib.blake2b(repr((state, labels)).encode(), digest_size=16).hexdigest()}"
        return body | {
            "state": f"{place}{state}",
            "assets": {place: {"type": "image", "format": "png", "data_base64": image}},
        }

    def scores(self, reply: Reply, labels: Sequence[str]) -> list[float]:
        """See `LetterScores.scores`."""
        return [reply.scores[label] for label in labels] if reply.scores else []


def read_log_probabilities(body: Any) -> Reply:
    """A chat endpoint's reply with what it might have written instead; see `Route.read`."""
    message = read_message(body)
    tokens = (body["choices"][0].get("logprobs") or {}).get("content") or []
    scores: dict[str, float] = {}
    for choice in tokens[0]["top_logprobs"] if tokens else ():
        value = max(_number(choice["logprob"]), math.log(LEAST_PROBABILITY))
        scores[choice["token"]] = _log_sum(scores.get(choice["token"], -math.inf), value)
    status = "ok" if message.status == "truncated" else message.status  # one token is all that is asked for
    return Reply(message.text, status, message.tokens_read, message.tokens_written, scores)


def read_decision(body: Any) -> Reply:
    """A decision endpoint's reply; see `Route.read`."""
    answer = body["answers"]["candidate"]
    scores = {
        str(option): math.log(max(_number(value), LEAST_PROBABILITY)) for option, value in answer["probabilities"].items()
    }
    read, written = counted(body, "input_tokens", "output_tokens")
    return Reply(str(answer["choice"]), "ok", read, written, scores)


def _number(value: Any) -> float:
    """A score as an endpoint wrote it, which may lie below all numbers; ValueError where it orders nothing."""
    score = float(value)
    if math.isnan(score) or score == math.inf:
        raise ValueError(f"a score is {value}")
    return score


def _log_sum(first: float, second: float) -> float:
    larger, smaller = max(first, second), min(first, second)
    return larger if smaller == -math.inf else larger + math.log1p(math.exp(smaller - larger))
