"""The end of a process in which another's code may have left threads."""

import atexit
import os
import sys
import threading
import time

from robustmel.plug_ins.exceptions import PLUGINS

PATIENCE = 2.0
"""Seconds that threads of plug-ins have at the end of the process."""


def end(code: int) -> None:
    """Ends the process; threads of plug-ins that do not end are left, where Python would wait for them for ever."""
    others = [thread for thread in threading.enumerate() if not thread.daemon and thread is not threading.main_thread()]
    if PLUGINS and others:
        threading.Thread(target=_tell_idle_threads, daemon=True).start()
        last = time.monotonic() + PATIENCE
        for thread in others:
            thread.join(max(last - time.monotonic(), 0))
        if any(thread.is_alive() for thread in others):
            print("a thread that a plug-in started does not end; it is left behind.", file=sys.stderr)
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    raise SystemExit(code)


def _tell_idle_threads() -> None:
    """Tells the pools of `concurrent.futures` that nothing more comes, as Python does at its end: their idle threads end then."""
    for told in reversed(threading._threading_atexits):  # type: ignore[attr-defined]
        told()
