from __future__ import annotations

import json
from collections import Counter
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from robustmel.errors import UsageError
from robustmel.linkers import LINKERS
from robustmel.run.builder import Builder
from robustmel.run.components import Defended, Ensemble, attack_spec, component_spec
from robustmel.run.estimate import outline
from robustmel.run.expand import expand
from robustmel.run.grid import Grid, parse_grid, read_grid
from robustmel.run.jobs import Variant
from robustmel.run.listener import ProgressListener
from robustmel.run.plan import Plan
from robustmel.run.runs import run_grid
from robustmel.run.sources import UNDEFENDED, Sources
from robustmel.run.store import Store

LINKER = str(Path(__file__).parent / "colour_linker.py")
PGD = {"name": "pgd", "eps": 0.1, "step_size": 0.05, "steps": 2, "label": "pgd"}


def linkers(*labels: str) -> list[dict[str, Any]]:
    return [
        {"name": f"{LINKER}:ColourLinker", "label": label, "text_weight": 0.1 * number} for number, label in enumerate(labels)
    ]


def grid(data: Path, *attacks: Any, labels: str = "abc", **change: Any) -> Grid:
    table: dict[str, Any] = {
        "datasets": [{"name": "jsonl", "path": str(data)}],
        "linkers": linkers(*labels),
        "tasks": ["I2T"],
        "attacks": ["clean", *attacks],
        "batch_size": 4,
    }
    return parse_grid({**table, **change})


def planned(data: Path, *attacks: Any, **change: Any) -> Plan:
    return expand(grid(data, *attacks, **change), Builder(Store(data / "nowhere")))


def pairs(plan: Plan) -> list[tuple[str, str]]:
    return [(planned.cell.source, planned.cell.linker) for planned in plan.cells if planned.cell.attack != "clean"]


def sets(plan: Plan) -> dict[str, Variant]:
    return {job.made_on: job for job in plan.jobs if isinstance(job, Variant)}


def test_each_source_makes_one_set_and_every_victim_is_shown_it(colour_data: Path) -> None:
    plan = planned(colour_data, PGD | {"source": "each"})
    assert Counter(pairs(plan)) == Counter((source, victim) for source in "abc" for victim in "abc")
    assert sorted(sets(plan)) == ["a", "b", "c"]
    assert plan.consumers.total() == 9
    assert len([job for job in plan.jobs if isinstance(job, Variant)]) == 3


def test_a_set_has_the_key_it_has_when_its_source_is_named(colour_data: Path) -> None:
    each = sets(planned(colour_data, PGD | {"source": "each"}))
    named = sets(planned(colour_data, PGD | {"source": "b"}))
    assert named["b"].key == each["b"].key
    assert len({job.key for job in each.values()}) == 3


def test_each_takes_those_with_gradients_and_shows_their_sets_to_all(colour_data: Path) -> None:
    deaf = {"name": f"{LINKER}:BrokenLinker", "label": "closed"}
    plan = planned(colour_data, PGD | {"source": "each"}, linkers=[*linkers("a", "b"), deaf])
    assert Counter(pairs(plan)) == Counter((source, victim) for source in "ab" for victim in ("a", "b", "closed"))


def test_an_ensemble_is_one_set_whatever_the_order_of_its_members(colour_data: Path) -> None:
    one = planned(colour_data, PGD | {"source": ["a", "b"]})
    two = planned(colour_data, PGD | {"source": ["b", "a"]})
    assert pairs(one) == [("a + b", "a"), ("a + b", "b"), ("a + b", "c")]
    assert [job.key for job in sets(one).values()] == [job.key for job in sets(two).values()]
    single = sets(planned(colour_data, PGD | {"source": "a"}))["a"]
    assert sets(one)["a + b"].key not in (single.key, sets(planned(colour_data, PGD | {"source": ["a", "c"]}))["a + c"].key)


def test_others_leaves_the_victim_out(colour_data: Path) -> None:
    plan = planned(colour_data, PGD | {"source": "others"})
    assert pairs(plan) == [("others", "a"), ("others", "b"), ("others", "c")]
    made_on = {one.cell.linker: one.evaluations[0].variant.made_on for one in plan.cells if one.evaluations[0].variant}
    assert made_on == {"a": "b + c", "b": "a + c", "c": "a + b"}


def test_others_leaves_out_a_linker_that_is_the_victim_by_another_name(colour_data: Path) -> None:
    twin = {"name": f"{LINKER}:ColourLinker", "label": "twin", "text_weight": 0.0}
    plan = planned(colour_data, PGD | {"source": "others"}, linkers=[*linkers("a", "b", "c"), twin])
    made_on = {one.cell.linker: one.evaluations[0].variant.made_on for one in plan.cells if one.evaluations[0].variant}
    assert made_on == {"a": "b + c", "twin": "b + c", "b": "a + c", "c": "a + b"}


def test_one_attack_may_have_several_sources_under_one_name(colour_data: Path) -> None:
    plan = planned(colour_data, PGD | {"source": "each"}, PGD | {"source": "others"}, PGD | {"source": ["a", "b", "c"]})
    assert len(pairs(plan)) == 9 + 3 + 3
    assert {planned.cell.attack for planned in plan.cells} == {"clean", "pgd"}


def test_text_alone_is_asked_once_an_attack(colour_data: Path) -> None:
    plan = planned(colour_data, PGD | {"source": "each"}, PGD | {"source": "others"}, tasks=["T2T"])
    assert Counter(planned.cell.linker for planned in plan.cells if planned.cell.attack == "pgd") == Counter("abc")


@pytest.mark.parametrize(
    ("attacks", "said"),
    [
        ([PGD | {"source": ["a", "d"]}], 'no linker is called "d"'),
        ([PGD | {"source": "colour-linker"}], 'no linker is called "colour-linker"'),
        ([PGD | {"source": ["a", "closed"]}], "needs gradients and linker closed has none"),
        ([{"name": "noise", "source": "each"}], "asks no linker"),
        ([{"name": "noise", "source": ["a", "b"]}], "asks no linker"),
        ([PGD | {"source": ["a", "twin"]}], "two are the same linker"),
        ([PGD | {"source": "each"}, PGD | {"source": "a"}], "shown pgd from the source a twice"),
        ([PGD | {"source": "each"}, PGD | {"steps": 3, "source": "others"}], 'two attacks are called "pgd"'),
        ([PGD | {"source": "each", "drop_fooled": True}], "drop_fooled"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_made(colour_data: Path, attacks: list[Any], said: str) -> None:
    closed = {"name": f"{LINKER}:BrokenLinker", "label": "closed"}
    twin = {"name": f"{LINKER}:ColourLinker", "label": "twin", "text_weight": 0.0}
    with pytest.raises(UsageError) as caught:
        planned(colour_data, *attacks, linkers=[*linkers("a", "b"), closed, twin])
    assert said in str(caught.value)


def test_the_victim_is_among_each(colour_data: Path) -> None:
    with pytest.raises(UsageError, match="shown pgd from the source b twice"):
        planned(colour_data, PGD | {"source": "each"}, PGD)


def test_others_needs_two_and_each_one(colour_data: Path) -> None:
    with pytest.raises(UsageError, match="beside a the grid has b with gradients"):
        planned(colour_data, PGD | {"source": "others"}, labels="ab")
    closed = [{"name": f"{LINKER}:BrokenLinker", "label": "closed"}]
    with pytest.raises(UsageError, match="and the grid has none"):
        planned(colour_data, PGD | {"source": "each"}, linkers=closed)


@pytest.mark.parametrize(
    ("source", "said"),
    [(["a"], 'write source = "a"'), ([], "two linkers or more"), (["a", "a"], "twice"), (["a", "victim"], "names no linker"), (3, "source")],
)  # fmt: skip
def test_an_ensemble_is_of_two_or_more(colour_data: Path, source: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        grid(colour_data, PGD | {"source": source})


def test_no_linker_takes_a_reserved_name(colour_data: Path) -> None:
    with pytest.raises(UsageError, match='cannot be called "each"'):
        grid(colour_data, linkers=[{"name": f"{LINKER}:ColourLinker", "label": "each"}])


def test_the_plan_names_the_members_and_counts_each_one_s_passes(colour_data: Path) -> None:
    plan = planned(colour_data, PGD | {"source": "others"})
    said = outline(plan, Store(colour_data / "nowhere"), listed=True)
    assert "pgd on b + c for I2T, colours" in said
    attack_passes = 18 * (2 + 2)
    assert f"a takes up to {2 * attack_passes + 2 * 18} passes" in said  # in two ensembles, and it answers two sets


def test_a_run_makes_the_whole_matrix(colour_data: Path, tmp_path: Path) -> None:
    """Sets made by others' gradients hold the last iterates: every image is changed by the whole radius."""
    weak = {"name": "pgd", "eps": "5/255", "step_size": 0.01, "steps": 3, "label": "weak"}
    asked = grid(colour_data, weak | {"source": "each"}, weak | {"source": "others"})
    finished = run_grid(asked, tmp_path / "out", Store(tmp_path / "store"), 1, "cpu", ProgressListener())
    assert finished.errors == 0
    for log in (tmp_path / "store").glob("variant/*/*/log.parquet"):
        assert min(pq.read_table(log)["linf"].to_pylist()) == pytest.approx(5 / 255, abs=1e-6)
    cells = json.loads((tmp_path / "out" / "run.json").read_text())["cells"]
    made_on = {(cell["source"], cell["linker"]): cell["made_on"] for cell in cells if cell["attack"] == "weak"}
    assert made_on["others", "b"] == ["a", "c"]
    assert made_on["c", "b"] == ["c"]
    again = run_grid(asked, tmp_path / "out", Store(tmp_path / "store"), 1, "cpu", ProgressListener())
    assert again.made == 0


def test_the_title_of_an_ensemble_is_its_label_or_its_members(colour_data: Path) -> None:
    members = sets(planned(colour_data, PGD | {"source": ["a", "b"]}))["a + b"].asked
    assert Ensemble(members).title == "a + b"
    assert Ensemble(members, "others").title == "others"
    assert np.all([member.title in "ab" for member in members])


def test_the_shipped_transfer_grid_takes_every_linker_as_source_and_victim() -> None:
    """Whoever extends its list of linkers extends the matrix."""
    with resources.as_file(resources.files("robustmel.world") / "grids" / "transfer.toml") as file:
        shipped = read_grid(file)
    problems: list[str] = []
    made = [one for one in (component_spec(LINKERS, linker, problems) for linker in shipped.linkers) if one]
    sources = Sources(made, [], problems)
    attacks = {spec.source: (spec, attack) for spec in shipped.attacks if (attack := attack_spec(spec, problems))}
    for spec, attack in attacks.values():
        for victim in made:
            sources.check(spec, attack, Defended(victim, UNDEFENDED))
    assert problems == []
    found = sources.of(*attacks["each"], Defended(made[0], UNDEFENDED))
    assert [source.title for source in found if source] == [linker.title for linker in made]


def test_noise_has_as_many_tries_as_an_attack_on_the_linker_itself(tmp_path: Path) -> None:
    """Two on a linker that does I2T, where one set is made against the image alone; one on a linker that does not."""
    attacks = ["noise", {"name": "pgd", "source": "victim"}]
    table = {
        "datasets": ["world-news"],
        "linkers": ["clip-world", "gemel-news"],
        "attacks": attacks,
        "tasks": ["IT2T"],
        "limit": 2,
    }
    plan = expand(parse_grid(table), Builder(Store(tmp_path), "cpu"))
    views = {(one.cell.linker, one.cell.attack): tuple(each.name for each in one.evaluations) for one in plan.cells}
    assert views["clip-world", "noise"] == views["clip-world", "pgd"] == ("image", "fused")
    assert views["gemel-news", "pgd"] == ("fused",)
    assert len(views["gemel-news", "noise"]) == 1
