"""What a published set says of itself: budget, source, checksums, and where its attack failed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from robustmel.audit.change import Budget
from robustmel.errors import MissingError, UsageError
from robustmel.images import file_digest

SAYS = "perturbation.json"


@dataclass(frozen=True)
class Claim:
    """What is claimed; of a plain folder of images nothing is.

    Args:
        budget: No image is further away.
        source: The linker whose scores the attack followed.
        digests: File name -> digest of every image.
        failed: Names of the images of which the set's own log says that the attack did not succeed or did not run.
        wrong_before: Names of those that its log says to fool the source by no change at all: it was wrong when clean.
        title: What the attack is called.
    """

    budget: Budget | None = None
    source: str | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    failed: frozenset[str] = frozenset()
    wrong_before: frozenset[str] = frozenset()
    title: str = ""


def read_claim(folder: Path) -> Claim:
    """What `perturbation.json` and `log.parquet` of a published set say; an empty claim of any other folder.

    Raises:
        MissingError: One of the two is unreadable.
    """
    path = folder / SAYS
    if not path.is_file():
        return Claim()
    try:
        about: dict[str, Any] = json.loads(path.read_text("utf-8"))
        budget, source, digests = about.get("budget"), about.get("source_title"), dict(about.get("images") or {})
        title = str(about.get("title") or about["attack"]["name"])
        log = folder / "log.parquet"
        rows = pq.ParquetFile(log).read(use_threads=False).to_pylist() if log.is_file() else []
    except (OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowException) as problem:
        raise MissingError(
            f"{folder} does not say of itself what robustmel perturb writes: {problem}; get it again."
        ) from problem
    try:
        stated = Budget.parse(str(budget)) if budget else None
    except UsageError:
        stated = None  # of an attack that this release does not know
    failed = frozenset(str(row["id"]) for row in rows if row.get("status") != "ok" or not row.get("succeeded_u8"))
    wrong_before = frozenset(str(row["id"]) for row in rows if row.get("linf_u8") == 0) - failed
    return Claim(stated, None if source is None else str(source), digests, failed, wrong_before, title)


def altered(claim: Claim, folder: Path) -> tuple[list[str], list[str]]:
    """Names of the images that are not what the claim's checksums name, and of those that are not there."""
    files = {name: folder / "images" / name for name in claim.digests if Path(name).name == name}
    digests = {name: file_digest(path) for name, path in files.items()}
    changed = [Path(name).stem for name, digest in digests.items() if digest not in (claim.digests[name], "missing")]
    return sorted(changed), sorted(Path(name).stem for name, digest in digests.items() if digest == "missing")
