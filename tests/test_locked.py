"""The file of digests fits the versions stated elsewhere, and leaves nothing out that an installation needs."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LINE = re.compile(r"([a-z0-9-]+)==(\S+) --hash=sha256:([0-9a-f]{64})")
CHECKED_OUT = pytest.mark.skipif(not (ROOT / "locked.txt").is_file(), reason="the package was installed without its files")


def locked() -> dict[str, tuple[str, str]]:
    lines = [line for line in (ROOT / "locked.txt").read_text("utf-8").splitlines() if not line.startswith("#")]
    matches = [LINE.fullmatch(line) for line in lines]
    assert all(matches), "a line without name, version and digest"
    return {match[1]: (match[2], match[3]) for match in matches if match}


@CHECKED_OUT
def test_every_pinned_version_is_the_one_of_the_digests() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    versions = {name: version.partition("+")[0] for name, (version, _) in locked().items()}
    assert {canonicalize_name(name): version for name, version in pinned.items()}.items() <= versions.items()
    assert len({digest for _, digest in locked().values()}) == len(locked())


@CHECKED_OUT
def test_everything_that_is_asked_for_is_in_it_and_what_that_asks_for_too() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    waiting = [Requirement(text) for text in (*project["dependencies"], *project["optional-dependencies"]["dev"])]
    here, seen = (
        {"python_version": "3.11", "python_full_version": "3.11.9", "sys_platform": "linux", "platform_machine": "x86_64"},
        set(),
    )
    while waiting:
        need = waiting.pop()
        name = canonicalize_name(need.name)
        extras = ["", *sorted(need.extras)]
        if (
            not any(need.marker is None or need.marker.evaluate({**here, "extra": extra}) for extra in extras)
            or (name, *extras) in seen
        ):
            continue
        seen.add((name, *extras))
        assert name in locked(), f"{need} has no digest; make locked.txt again"
        try:
            required = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        asked = (Requirement(text) for text in required)
        waiting += [
            part
            for part in asked
            if part.marker is None or any(part.marker.evaluate({**here, "extra": extra}) for extra in extras)
        ]
