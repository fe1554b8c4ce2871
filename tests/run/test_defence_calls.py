"""A plan says how often a defence may ask its endpoint, and asks it nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from robustmel.run.builder import Builder
from robustmel.run.estimate import outline
from robustmel.run.expand import expand
from robustmel.run.grid import parse_grid
from robustmel.run.store import Store


@pytest.mark.parametrize(
    ("parameters", "attack", "most"),
    [
        ({"llm": "m"}, "clean", 4 * 10),
        ({"llm": "m", "limit": 60}, "pgd", 268),  # every entity once, whatever the attack asks
        ({"llm": "m", "mode": "contextual", "lvm": "eye"}, "clean", 4 * 10 + 4),
        (
            {"llm": "m", "mode": "select"},
            "pgd",
            (4 + 4 + 5 * 4) * 10,
        ),  # clean, attacked, and the passes of the attack: its steps, a first and a last look
    ],
)
def test_the_plan_states_the_most_calls_and_makes_none(
    httpserver: HTTPServer, tmp_path: Path, parameters: dict[str, Any], attack: str, most: int
) -> None:
    limit = parameters.pop("limit", 4)
    defence = {"name": "retlink", "endpoint": httpserver.url_for("/v1"), "replies": str(tmp_path / "r.sqlite"), **parameters}
    attacks = ["clean"] if attack == "clean" else [{"name": "pgd", "steps": 3}]
    table = {"datasets": ["world-news"], "linkers": ["clip-world"], "tasks": ["I2T"], "limit": limit}
    builder = Builder(Store(tmp_path / "store"), "cpu")
    plan = expand(parse_grid(table | {"defences": ["none", defence], "attacks": attacks}), builder)
    said = outline(plan, builder.store, builder=builder)
    assert f"calls: retlink asks its endpoint up to {most:,} times; kept replies cost nothing" in said
    assert httpserver.log == []
