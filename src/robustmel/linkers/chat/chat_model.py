"""A model behind a chat endpoint: settings of its requests, replies that are kept, limits on what they cost."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from robustmel.images import Pixels, decode
from robustmel.linkers.chat.kept_replies import KeptReplies
from robustmel.linkers.chat.limits import Limits
from robustmel.linkers.chat.service import MESSAGES, ChatService, Reply, Route, needs_key
from robustmel.types import Query


class ChatModel:
    """May be shared by threads.

    Args:
        endpoint: Base address of the endpoint.
        settings: What every request holds beside its messages: "model" and what else the endpoint takes.
        key_variable: Name of the environment variable that holds the key.
        deadline: Seconds for one answer, tries and waits included.
        replies: File of the kept replies.
        limits: On what all calls may cost, those of earlier runs with the same file included.

    Raises:
        RobustMELError: A hosted endpoint gets no key, or the file cannot be written.
    """

    def __init__(
        self, endpoint: str, settings: Mapping[str, Any], *, key_variable: str, deadline: float, replies: str,
        limits: Limits,
    ) -> None:  # fmt: skip
        key = os.environ.get(key_variable, "")
        needs_key(key_variable, key, endpoint)
        self._endpoint, self._settings = endpoint, dict(settings)
        self._service = ChatService(endpoint, key, deadline)
        self._kept = KeptReplies(Path(replies).expanduser())
        self._limits = limits

    def ask(self, messages: Sequence[Mapping[str, Any]], more: Mapping[str, Any] | None = None) -> Reply:
        """The reply to messages, kept or new; see `request`.

        Args:
            messages: As the protocol has them.
            more: Further keys of this request ("seed").
        """
        return self.request(self._settings | dict(more or {}) | {"messages": list(messages)})

    def request(self, body: Mapping[str, Any], route: Route = MESSAGES) -> Reply:
        """The reply to a request, kept or new; it is written down before it is sent.

        Args:
            body: All of it.
            route: Where it goes.

        Raises:
            ChatError: There is no reply.
            MissingError: The endpoint refuses the key or knows no such model.
            RobustMELError: One of `limits` is reached; what was answered is kept.
        """
        told = [self._endpoint, body] if route.path == MESSAGES.path else [self._endpoint, route.path, body]
        request = hashlib.blake2b(json.dumps(told, sort_keys=True).encode(), digest_size=20).hexdigest()
        kept = self._kept.get(request)
        if kept is not None:
            return kept
        self._limits.check(self._kept)
        self._kept.sending(request, self._limits.max_calls)
        reply = self._service.ask(body, route)
        self._kept.keep(request, reply)
        return reply


def image_part(query: Query, max_side: int) -> dict[str, Any]:
    """The image of a query as a part of a message.

    Raises:
        ImageError: It names none, or it cannot be used.
    """
    return picture_part(decode(query.image_file, max_side))


def png(query: Query, max_side: int) -> str:
    """The image of a query in base64: PNG of its decoded pixels, so that equal pixels make equal requests.

    Raises:
        ImageError: It names none, or it cannot be used.
    """
    return _png(decode(query.image_file, max_side))


def picture_part(pixels: Pixels) -> dict[str, Any]:
    """Decoded pixels, uint8 (H, W, 3), as a part of a message."""
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_png(pixels)}"}}


def _png(pixels: Pixels) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()
