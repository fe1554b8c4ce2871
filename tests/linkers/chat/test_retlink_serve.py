"""RetLink before a real server: a small model writes what may not be used, and every mention is linked all the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.local_server import LocalServer

from robustmel.defences.retlink.language_model_sentences import Written
from robustmel.defences.retlink.retlink import RetLink
from robustmel.linkers import LINKERS
from robustmel.linkers.trial import trial_set

NO_REPLY = ("http_", "connection", "timeout", "malformed")


@pytest.mark.parametrize("mode", ["rewrite", "contextual"])
def test_a_real_endpoint_answers_and_is_asked_once(server: LocalServer, tmp_path: Path, mode: Written) -> None:
    kb, queries = trial_set(tmp_path)
    linker = LINKERS.create("clip-world", kb)
    before, replies = server.requests(), str(tmp_path / "replies.sqlite")
    seen = {"lvm": server.model} if mode == "contextual" else {}

    def described() -> list[str]:
        defence = RetLink(
            kb,
            mode=mode,
            llm=server.model,
            endpoint=server.endpoint,
            replies=replies,
            max_tokens=8,
            in_flight=2,
            deadline=60,
            **seen,
        )
        return [part.line() for part in defence.defend(linker).described(queries[:1], "IT2T")]

    first = described()
    assert not any(why in line for line in first for why in NO_REPLY)
    asked = server.requests() - before
    assert asked > 0
    assert described() == first
    assert server.requests() - before == asked
