"""The chat linker before a real server: it reads what the model writes, and a run that is killed pays for nothing twice."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest
from benchmarks.local_server import LocalServer
from tests.warm_python import start

from robustmel.cli.entry import run
from robustmel.linkers import LINKERS
from robustmel.linkers.trial import trial_set
from robustmel.report import build

MENTIONS = 14
IN_FLIGHT = 2


def test_it_reads_what_the_same_model_writes_in_this_process(server: LocalServer, tmp_path: Path) -> None:
    """One endpoint, one process, the same prompts, pixels and order of candidates: the same text."""
    kb, queries = trial_set(tmp_path)
    own = LINKERS.create("llava", kb, model=server.model, device="cpu", answer="index")
    chat = LINKERS.create("chat", kb, model=server.model, endpoint=server.endpoint, replies=str(tmp_path / "r.sqlite"))
    for task in ("I2T", "IT2T", "T2T"):
        for here, there in zip(own.link(queries[:4], task), chat.link(queries[:4], task), strict=True):
            assert (there.text, there.ranked, there.status, there.error) == (here.text, here.ranked, here.status, None)
            assert there.usage.tokens_read == here.usage.tokens_read


def test_a_picture_that_the_server_cannot_read_is_an_error_of_its_row(server: LocalServer, tmp_path: Path) -> None:
    kb, queries = trial_set(tmp_path)
    chat = LINKERS.create(
        "chat", kb, model=server.model, endpoint=server.endpoint, replies=str(tmp_path / "r.sqlite"), deadline=5
    )
    Path(str(queries[0].image)).write_bytes(b"<html>not found</html>")
    broken, sound = chat.link(queries[:2], "I2T")
    assert (broken.error, sound.error) == ("image_decode", None)


def test_a_killed_run_goes_on_without_asking_twice(
    server: LocalServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    perturbed, replies = tmp_path / "noisy", tmp_path / "replies.sqlite"
    made = ["perturb", "world-news", "--linker", "clip-world", "--attack", "noise", "--strength", "normal"]
    assert run([*made, "--limit", str(MENTIONS), "--out", str(perturbed), "--store", str(tmp_path / "first")]) == 0
    grid = tmp_path / "grid.toml"
    grid.write_text(
        f'datasets = [{{name = "jsonl", path = "{perturbed}"}}]\ntasks = ["IT2T"]\nsplit = "all"\nattacks = ["clean"]\n'
        f'linkers = [{{name = "chat", model = "{server.model}", endpoint = "{server.endpoint}", replies = "{replies}", '
        f"in_flight = {IN_FLIGHT}}}]\n"
    )
    before = server.requests()
    capsys.readouterr()
    assert run(["plan", str(grid), "--store", str(tmp_path / "store")]) == 0
    told = capsys.readouterr().out
    assert f"calls: chat asks its endpoint up to {MENTIONS} times" in told
    estimated = int(re.search(r"tokens: chat reads about ([\d,]+)", told)[1].replace(",", ""))  # type: ignore[index]
    assert server.requests() == before
    whole = [str(grid), "--out", str(tmp_path / "out"), "--store", str(tmp_path / "store"), "--max-errors", "99"]
    paid, lost = killed(whole, replies, least=3)
    assert len(paid) < MENTIONS
    assert run(["run", *whole]) == 0
    sent = {request: count for request, (count, _) in calls(replies).items()}
    assert {request for request, count in sent.items() if count > 1} <= lost
    assert all(sent[request] == 1 for request in paid)
    assert len(replied(replies)) == MENTIONS
    assert run(["run", str(grid), "--out", str(tmp_path / "again"), "--store", str(tmp_path / "fresh")]) == 0
    assert calls(replies).keys() == sent.keys()
    answered = server.requests() - before  # a request whose sender was killed may have got no answer
    assert sum(sent.values()) - len(lost) <= answered <= sum(sent.values()) <= MENTIONS + IN_FLIGHT
    read = sum(json.loads(reply)["tokens_read"] for _, reply in calls(replies).values() if reply)
    assert read / 3 < estimated < 3 * read
    (row,) = build(tmp_path / "out").summaries
    assert (row.n, row.errors) == (MENTIONS, 0)


def test_a_killed_attack_by_scores_goes_on_without_asking_twice(server: LocalServer, tmp_path: Path) -> None:
    """Square through the decision endpoint: the attack takes the same way again, over the replies that it paid for."""
    replies, before = tmp_path / "replies.sqlite", server.requests("/systemone")
    grid = tmp_path / "grid.toml"
    grid.write_text(
        'datasets = ["world-news"]\ntasks = ["I2T"]\nlimit = 3\n'
        'attacks = ["clean", {name = "square", queries = 8, eps = 0.1}]\n'
        f'linkers = [{{name = "chat-scores", model = "{server.model}", endpoint = "{server.endpoint}", by = "decision", '
        f'replies = "{replies}", in_flight = {IN_FLIGHT}}}]\n'
    )
    whole = [str(grid), "--out", str(tmp_path / "out"), "--store", str(tmp_path / "store")]
    paid, lost = killed(whole, replies, least=4)
    assert run(["run", *whole]) == 0
    sent = {request: count for request, (count, _) in calls(replies).items()}
    assert all(sent[request] == 1 for request in paid)
    assert {request for request, count in sent.items() if count > 1} <= lost
    assert len(sent) > len(paid) + len(lost)
    assert sum(sent.values()) - len(lost) <= server.requests("/systemone") - before <= sum(sent.values())


def killed(whole: list[str], replies: Path, least: int) -> tuple[set[str], set[str]]:
    """A run in a process of its own, ended by SIGKILL after so many replies: what was paid for, and what was on its way."""
    process = start(["-m", "robustmel", "run", *whole], stderr=subprocess.DEVNULL)
    ends = time.monotonic() + 120
    os.setpriority(os.PRIO_PROCESS, process.pid, 19)  # or, on a busy machine, it ends before it is killed
    while len(replied(replies)) < least:
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < ends
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    paid, asked = replied(replies), set(calls(replies))
    assert len(asked - paid) <= IN_FLIGHT
    return paid, asked - paid


def calls(file: Path) -> dict[str, tuple[int, str | None]]:
    """Request -> how often it was sent, and the reply to it."""
    if not file.exists():
        return {}
    with closing(sqlite3.connect(file)) as table:
        try:
            return {row[0]: row[1:] for row in table.execute("SELECT request, sent, reply FROM calls")}
        except sqlite3.OperationalError:  # no table yet
            return {}


def replied(file: Path) -> set[str]:
    return {request for request, (_, reply) in calls(file).items() if reply and json.loads(reply)}
