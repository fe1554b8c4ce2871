"""A real endpoint of the OpenAI protocol: `transformers serve` with the embedded LLaVA."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from benchmarks.local_server import LocalServer, served, why_not

from robustmel.linkers.weights import EMBEDDED


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    if absent := why_not():
        pytest.skip(absent)
    with served(EMBEDDED / "llava-world", tmp_path_factory.mktemp("serve")) as running:
        yield running
