"""Calls that wait for a server, several at a time, for which neither an interrupt nor the end of the process waits."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

Item = TypeVar("Item")
Value = TypeVar("Value")


def at_once(call: Callable[[Item], Value], items: Sequence[Item], threads: int) -> Iterator[Value]:
    """What the calls give, in the items' order.

    An exception of a call ends all: what has not begun is not done, what has is waited for, since it may be paid for. An interrupt
    waits for nothing.

    Args:
        call: Safe in any thread.
        items: One a call.
        threads: So many at a time; a `ThreadPoolExecutor` would have its threads waited for by the end of the process.
    """
    futures = [Future[Value]() for _ in items]
    waiting = SimpleQueue[tuple[Item, Future[Value]]]()
    for pair in zip(items, futures, strict=True):
        waiting.put(pair)

    def work() -> None:
        while True:
            try:
                item, future = waiting.get_nowait()
            except Empty:
                return
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call(item))
                except BaseException as problem:  # whoever reads the results gets it
                    future.set_exception(problem)

    for _ in range(min(threads, len(items))):
        Thread(target=work, daemon=True).start()
    try:
        for future in futures:
            yield future.result()
    except Exception:
        wait([future for future in futures if not future.cancel()])
        raise
    finally:
        for future in futures:
            future.cancel()
