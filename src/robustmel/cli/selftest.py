"""`selftest`: is the tool right where the answer is known?"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from robustmel.cli.options import CORES, Workers
from robustmel.progress import progress_display

if TYPE_CHECKING:
    from robustmel.selftest.verdict import Verdict

RECORD = "selftest.json"


def selftest(
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Keep runs, images and pages in this folder.", show_default="a temporary folder, removed at the end"
        ),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option("--data", help="Also test on the images of this data set; may be repeated."),
    ] = None,
    attack: Annotated[
        str | None,
        typer.Option("--attack", help="Test this attack instead: a name, FILE.py:Class, or an inline table."),
    ] = None,
    device: Annotated[
        Literal["cpu", "cuda"] | None,
        typer.Option("--device", help="Test this device instead, against the processor: scores, gradients, attacks, memory."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of the table.")] = False,
    workers: Workers = CORES,
) -> None:
    """Test the tool itself on linkers whose robustness is known."""
    from robustmel.errors import UsageError
    from robustmel.run.grid import component_from_text
    from robustmel.selftest.attack_suites import attack_at
    from robustmel.selftest.checks import selftest as run_checks
    from robustmel.selftest.device_check import check_device
    from robustmel.selftest.verdict import as_json as verdicts_json

    if device is not None:
        if out is not None or data or attack is not None:
            raise UsageError("--device tests a device alone; leave out --out, --data and --attack.")
        began = time.monotonic()
        _show(check_device(device), began, as_json)
        return
    sources = [component_from_text(source) for source in data or ()]
    tried = None if attack is None else component_from_text(attack)
    if tried is not None:
        attack_at(tried, 1)  # what is wrong with it is told before anything is planted
    began = time.monotonic()
    with _folder(out) as folder, progress_display() as listener:
        verdicts = run_checks(folder, workers, listener, sources, tried, pages=out is not None)
        (folder / RECORD).write_text(verdicts_json(verdicts, time.monotonic() - began), encoding="utf-8")
    _show(verdicts, began, as_json, f"; kept in {out}" if out else "", "" if out else "; --out DIR keeps runs and images")


def _show(verdicts: Sequence[Verdict], began: float, as_json: bool, where: str = "", hint: str = "") -> None:
    from robustmel.selftest.verdict import as_json as verdicts_json
    from robustmel.selftest.verdict import text

    seconds = time.monotonic() - began
    width = shutil.get_terminal_size((120, 24)).columns
    sys.stdout.write(verdicts_json(verdicts, seconds) if as_json else text(verdicts, width))
    failed = sum(not verdict.passed for verdict in verdicts)
    skipped = sum(verdict.skipped for verdict in verdicts)
    weaker = sum(bool(verdict.passed and verdict.weaker) for verdict in verdicts)
    than = f" (in {weaker}, the attack is weaker than PGD, not broken)" if weaker else ""
    than += f", {skipped} skipped" if skipped else ""
    passed = len(verdicts) - failed - skipped
    print(f"{passed} of {len(verdicts)} passed{than} in {seconds:.0f} s{where}{hint if failed else ''}", file=sys.stderr)
    if failed:
        raise typer.Exit(1)


@contextmanager
def _folder(out: Path | None) -> Iterator[Path]:
    """An empty folder: nothing made by an earlier version of the code may be taken for what this one does."""
    from robustmel.errors import UsageError
    from robustmel.run.writing import writing

    if out is None:
        with tempfile.TemporaryDirectory(prefix="robustmel-selftest-") as name:
            yield Path(name)
        return
    if out.is_dir() and any(out.iterdir()):
        if not (out / RECORD).is_file():
            raise UsageError(f"{out} is not empty and holds no selftest; choose another --out; nothing is overwritten.")
        for earlier in (out / "runs", *out.glob("planted-*")):
            shutil.rmtree(earlier, ignore_errors=True)
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        (out / RECORD).write_text("{}\n", encoding="utf-8")  # an interrupted one may be written over too
        yield out
