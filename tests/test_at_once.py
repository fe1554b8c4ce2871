"""Calls in several threads: their order, what an exception ends, and what an interrupt does not wait for."""

from __future__ import annotations

import os
import signal
import subprocess
import threading

import pytest
from tests.warm_python import start

from robustmel.at_once import at_once


def test_results_are_in_order_and_so_many_calls_run_at_a_time() -> None:
    meeting = threading.Barrier(3, timeout=20)

    def call(number: int) -> int:
        meeting.wait()  # two calls at a time would never be three
        return 10 * number

    assert list(at_once(call, range(9), 3)) == [10 * number for number in range(9)]
    assert list(at_once(call, [], 3)) == []


def test_an_exception_ends_all_and_what_was_begun_is_waited_for() -> None:
    begun, ended, failed = list[int](), list[int](), threading.Event()

    def call(number: int) -> int:
        begun.append(number)
        if number == 0:
            failed.set()
            raise ValueError("no more")
        failed.wait(20)
        threading.Event().wait(0.2)
        ended.append(number)
        return number

    with pytest.raises(ValueError, match="no more"):
        list(at_once(call, range(50), 2))
    assert sorted(ended) == sorted(set(begun) - {0})
    assert len(begun) < 50


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT to a child of one's own there")
def test_an_interrupt_waits_for_no_server() -> None:
    source = (
        "import os\nimport signal\nimport time\nfrom robustmel.at_once import at_once\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a job in the background is born deaf to it
        "def call(number):\n    os.write(1, b'asked\\n')\n    time.sleep(200)\n"
        "try:\n    list(at_once(call, range(3), 2))\nexcept KeyboardInterrupt:\n    print('interrupted')\n"
    )
    with start(["-c", source], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["asked\n"] * 2
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
    assert said == "interrupted\n"
    assert process.returncode == 0
