"""Plants every fault of mutants.toml into a copy of the package, and says which test noticed it.

    python tests/mutants/try_mutants.py [--only TEXT] [--workers 2] [--list]

Exit code 0 where every mutant was killed, 1 where one survived, 2 where a mutant or its tests do not fit the package as it is.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "robustmel"
TIMEOUT = 1200
"""Seconds for the tests of one mutant: one that never ends is noticed too."""
PASSED, FAILED = 0, 1
"""Exit codes of pytest; of the selftest 0 and 1 mean the same."""


@dataclass(frozen=True)
class Mutant:
    """One planted fault; see the head of mutants.toml."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def planted(self, source: str) -> str:
        """The file's text with the fault in it.

        Raises:
            ValueError: `old` does not stand there exactly once.
        """
        if (times := source.count(self.old)) != 1:
            raise ValueError(f'mutant "{self.name}": its text stands {times} times in {self.file}, not once; write it anew.')
        return source.replace(self.old, self.new)


def mutants() -> list[Mutant]:
    """All of them, in the order of the file."""
    records = tomllib.loads(Path(__file__).with_name("mutants.toml").read_text(encoding="utf-8"))["mutant"]
    return [Mutant(**(record | {"tests": tuple(record["tests"])})) for record in records]


def verdict(tests: Sequence[str], package: Path) -> tuple[int, str]:
    """Exit code of the tests upon a copy of the package, and the first line that says what failed."""
    own = package.parent
    environment = os.environ | {"PYTHONPATH": str(own), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    if list(tests) == ["selftest"]:
        command = [sys.executable, "-m", "robustmel", "selftest"]
    else:
        command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", "--no-header", "-rfE", *tests]
    try:
        ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return FAILED, f"no end after {TIMEOUT} s"
    lines = (ended.stdout + ended.stderr).splitlines()
    told = [line for line in lines if line.startswith(("FAILED", "ERROR", "failed")) or " failed" in line]
    return ended.returncode, (told or lines[-1:] or [""])[0][:160]


@contextmanager
def copies(number: int) -> Iterator[SimpleQueue[Path]]:
    """So many copies of the package, to be taken and put back."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        free: SimpleQueue[Path] = SimpleQueue()
        for index in range(number):
            free.put(Path(shutil.copytree(PACKAGE, Path(folder) / str(index) / "robustmel")))
        yield free


def unchanged(tests: Sequence[str], free: SimpleQueue[Path]) -> tuple[int, str]:
    """What the tests say without a fault: else a mutant could be killed by what ails them anyhow."""
    package = free.get()
    try:
        return verdict(tests, package)
    finally:
        free.put(package)


def tried(mutant: Mutant, free: SimpleQueue[Path]) -> tuple[int, str]:
    """What the tests say of a mutant."""
    package = free.get()
    file = package / mutant.file
    source = file.read_text(encoding="utf-8")
    try:
        file.write_text(mutant.planted(source), encoding="utf-8")
        return verdict(mutant.tests, package)
    finally:
        file.write_text(source, encoding="utf-8")
        free.put(package)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="mutants whose name or file has this text in it")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--list", action="store_true", help="name them, and try none")
    parser.add_argument("--trust", action="store_true", help="do not run the tests without a fault first")
    given = parser.parse_args()
    chosen = [mutant for mutant in mutants() if given.only in mutant.name or given.only in mutant.file]
    for mutant in chosen:
        mutant.planted((PACKAGE / mutant.file).read_text(encoding="utf-8"))
    if given.list:
        print("\n".join(f"{mutant.name} ({mutant.file})" for mutant in chosen))
        return 0
    survivors = []
    with copies(given.workers) as free, ThreadPoolExecutor(given.workers) as pool:
        suites = [] if given.trust else sorted({mutant.tests for mutant in chosen})
        for suite, (code, told) in zip(suites, pool.map(partial(unchanged, free=free), suites), strict=True):
            if code != PASSED:
                print(f"{' '.join(suite)} fails without a fault: {told}", file=sys.stderr)
                return 2
        for mutant, (code, told) in zip(chosen, pool.map(partial(tried, free=free), chosen), strict=True):
            if code not in (PASSED, FAILED):
                print(f'mutant "{mutant.name}" breaks the package before a test can notice it: {told}', file=sys.stderr)
                return 2
            print(f"{'killed  ' if code == FAILED else 'SURVIVED'} {mutant.name} <- {told}", flush=True)
            survivors += [mutant.name] if code == PASSED else []
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} killed")
    return int(bool(survivors))


if __name__ == "__main__":
    raise SystemExit(main())
