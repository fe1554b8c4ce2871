"""The entry point: turns what went wrong into one sentence and an exit code."""

import logging
import os
import sys
import traceback
from contextlib import suppress
from pathlib import Path


def main() -> None:
    """Runs the command line.

    Exit codes: 0 done; 1 done, with more errored rows than allowed; 2 bad usage; 3 something is missing or unreadable;
    130 interrupted, and the same command goes on.
    """
    from robustmel.plug_ins.threads import end

    end(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command and returns its exit code; nothing that it prints steers a terminal."""
    from robustmel.errors import guarded

    for stream in ("stdout", "stderr"):
        if getattr(sys, stream) is None:  # closed by whoever started this: what is opened next would take its number
            setattr(sys, stream, Path(os.devnull).open("w"))  # noqa: SIM115 - for the rest of the process
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # its own keeps what it has had, and nobody else can use it
    with guarded():
        return _run(arguments)


def _run(arguments: list[str]) -> int:
    from robustmel.cli.commands import app, usage_exit
    from robustmel.errors import RobustMELError
    from robustmel.plug_ins.exceptions import blaming_plugins
    from robustmel.run.interrupt import Interrupted

    debug = "--debug" in arguments
    logging.basicConfig(
        level=logging.DEBUG if debug else logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr
    )
    try:
        with blaming_plugins():
            code = usage_exit(app, [word for word in arguments if word != "--debug"])
        sys.stdout.flush()
        return code
    except RobustMELError as problem:
        return _tell(f"error: {problem}", problem.exit_code, debug)
    except (Interrupted, KeyboardInterrupt):
        return _tell("interrupted. Finished work is kept; run the same command to continue.", 130, debug)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (OSError, MemoryError) as problem:  # the user's disk, network or memory
        place = f"{problem.filename}: " if isinstance(problem, OSError) and problem.filename else ""
        why = "out of memory" if isinstance(problem, MemoryError) else problem.strerror or str(problem)
        return _tell(f"error: {place}{why}.", 3, debug)
    except Exception as problem:
        if isinstance(problem, RuntimeError) and str(problem).startswith("Symlink loop"):  # pathlib's, until Python 3.13
            return _tell(f"error: {problem}: links that lead to each other.", 3, debug)
        report = "This is a bug in robustmel. Please report it with the output of the same command and --debug."
        return _tell(f"error: {type(problem).__name__}: {problem}. {report}", 1, debug)


def _tell(sentence: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    with suppress(OSError):  # nobody may be there to read it
        print(sentence, file=sys.stderr)
    return code
