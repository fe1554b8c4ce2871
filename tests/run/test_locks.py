"""A lock is a lease: alive while its holder writes to it, and taken over by one other when nobody does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.warm_python import Process, start

from robustmel.errors import MissingError
from robustmel.run import locks
from robustmel.run.interrupt import Interrupted, listening
from robustmel.run.locks import hold
from robustmel.run.store import Store

KEY = "ab" * 20


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"LEASE": 1.0, "HEARTBEAT": 0.1, "GRACE": 0.5, "POLL": 0.05}.items():
        monkeypatch.setattr(locks, name, seconds)


def here() -> dict[str, Any]:
    """What a lock of this very process says."""
    return {**locks._whereabouts(), "pid": os.getpid(), "id": "another"}


@contextmanager
def rewritten(lock: Path, says: dict[str, Any]) -> Iterator[None]:
    """A living holder: the file changes all the time."""
    over = threading.Event()

    def beat() -> None:
        beats = 0
        while not over.wait(0.1):
            beats += 1
            lock.write_text(json.dumps({**says, "beat": beats}))

    lock.write_text(json.dumps(says))
    thread = threading.Thread(target=beat)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def holder(lock: Path) -> Iterator[Process]:
    """Another process that holds the lock for a minute."""
    code = f"""
        import time
        from pathlib import Path
        from robustmel.run import locks
        locks.HEARTBEAT = 0.1
        with locks.hold(Path({str(lock)!r}), "it", wait=False):
            print("held", flush=True)
            time.sleep(60)
    """
    process = start(["-c", textwrap.dedent(code)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_lock_names_its_holder(tmp_path: Path) -> None:
    with hold(tmp_path / "lock", "run folder out", wait=False):
        with (
            pytest.raises(MissingError, match=f"process {os.getpid()} on "),
            hold(tmp_path / "lock", "run folder out", wait=False),
        ):
            pass
        assert json.loads((tmp_path / "lock").read_text())["pid"] == os.getpid()
    assert not list(tmp_path.iterdir())


def test_the_lock_of_a_killed_process_is_taken_over_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "LEASE", 60.0)
    with holder(tmp_path / "lock") as process:
        with pytest.raises(MissingError, match=f"process {process.pid} "), hold(tmp_path / "lock", "it", wait=False):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        began = time.monotonic()
        with hold(tmp_path / "lock", "it", wait=False):
            assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "elsewhere",
    [{"host": "another host"}, {"namespace": "pid:[1]"}, {"boot": "another boot"}],
    ids=lambda elsewhere: next(iter(elsewhere)),
)
def test_a_living_lock_from_elsewhere_is_not_taken_over(tmp_path: Path, elsewhere: dict[str, str]) -> None:
    """The pid is none of this machine's (two containers of one host name): it must not count as dead."""
    says = {**here(), "pid": 4_000_000, **elsewhere}
    with rewritten(tmp_path / "lock", says):
        with pytest.raises(MissingError, match="process 4000000 on "), hold(tmp_path / "lock", "it", wait=False):
            pass
        stop = threading.Event()
        threading.Timer(1.6, stop.set).start()
        with listening(stop), pytest.raises(Interrupted), hold(tmp_path / "lock", "it", wait=True):
            pass


@pytest.mark.parametrize("wait", [True, False])
def test_a_lock_from_elsewhere_without_a_heartbeat_is_taken_over_after_the_lease(tmp_path: Path, wait: bool) -> None:
    (tmp_path / "lock").write_text(json.dumps({**here(), "host": "another host"}))
    began = time.monotonic()
    with hold(tmp_path / "lock", "it", wait=wait) as lease:
        assert lease.held()
        assert time.monotonic() - began >= 1.0
    assert not list(tmp_path.iterdir())


def test_the_age_of_the_file_is_not_believed(tmp_path: Path) -> None:
    """Clocks of two hosts may differ by hours; only what the waiter sees counts."""
    lock = tmp_path / "lock"
    with holder(lock):
        os.utime(lock, (0, 0))
        with pytest.raises(MissingError), hold(lock, "it", wait=False):
            pass


@pytest.mark.parametrize(
    "content", ["null", "{}", "7", "", '{"pid": 1, "ho', "[]", '{"pid": "x", "host": 3}', "\ud800", "[" * 9999]
)
def test_a_file_that_names_no_holder_is_taken_over(tmp_path: Path, content: str) -> None:
    (tmp_path / "lock").write_bytes(content.encode("utf-8", "surrogatepass"))
    with hold(tmp_path / "lock", "it", wait=True) as lease:
        assert lease.held()


@pytest.mark.parametrize("target", [None, "nowhere", "lock", "/dev/zero"])
def test_a_pipe_or_a_link_names_no_holder_either(tmp_path: Path, target: str | None) -> None:
    if target is None:
        os.mkfifo(tmp_path / "lock")
    else:
        (tmp_path / "lock").symlink_to(target)
    with hold(tmp_path / "lock", "it", wait=True) as lease:
        assert lease.held()
    assert not list(tmp_path.iterdir())


def test_a_folder_in_its_place_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "lock" / "inside").mkdir(parents=True)
    with (
        pytest.raises(MissingError, match="lock is a folder, and a lock file belongs there. Move"),
        hold(tmp_path / "lock", "it", wait=True),
    ):
        pass
    assert (tmp_path / "lock" / "inside").exists()


def test_a_long_holder_keeps_its_lock(tmp_path: Path) -> None:
    with holder(tmp_path / "lock") as process:
        time.sleep(2.5)
        with pytest.raises(MissingError, match=str(process.pid)), hold(tmp_path / "lock", "it", wait=False):
            pass


def test_of_many_waiters_one_takes_over(tmp_path: Path) -> None:
    """Each adds one to a number with a pause between reading and writing: two at once would lose a step."""
    lock, number = tmp_path / "lock", tmp_path / "number"
    lock.write_text(json.dumps({**here(), "pid": 4_000_000}))
    number.write_text("0")

    def add() -> None:
        with hold(lock, "it", wait=True):
            before = int(number.read_text())
            time.sleep(0.02)
            number.write_text(str(before + 1))

    threads = [threading.Thread(target=add) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert number.read_text() == "12"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["number"]


def test_no_hard_links_are_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise PermissionError("no hard links here")

    monkeypatch.setattr(os, "link", refused)
    (tmp_path / "lock").write_text("null")
    with hold(tmp_path / "lock", "it", wait=True) as lease:
        assert lease.held()


def test_a_suspended_holder_does_not_publish_over_the_new_one(tmp_path: Path) -> None:
    """It is stopped while it makes the artefact, another makes it meanwhile, and it wakes up."""
    code = f"""
        import time
        from pathlib import Path
        from robustmel.run.store import Store
        def make(folder):
            (folder / "by").write_text("suspended")
            print("making", flush=True)
            time.sleep(1)
            (folder / "by").write_text("suspended")
            return {{"by": "suspended"}}
        print(Store(Path({str(tmp_path)!r})).keep("answers", {KEY!r}, make))
    """
    process = start(["-c", textwrap.dedent(code)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == "making\n"
    process.send_signal(signal.SIGSTOP)
    store = Store(tmp_path)

    def make(folder: Path) -> dict[str, Any]:
        (folder / "by").write_text("new")
        return {"by": "new"}

    assert store.keep("answers", KEY, make)
    process.send_signal(signal.SIGCONT)
    assert process.communicate(timeout=30)[0].split() == ["False"]
    assert process.returncode == 0
    assert store.manifest("answers", KEY)["by"] == "new"
    assert (store.path("answers", KEY) / "by").read_text() == "new"
    assert [path.name for path in store.path("answers", KEY).parent.iterdir()] == [KEY]
