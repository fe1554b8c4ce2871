from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from robustmel.errors import MissingError, UsageError
from robustmel.report.predictions import outside_report
from robustmel.report.statistics import contrast, interval

Rows = list[dict[str, Any]]


def by_attack(report: Any) -> dict[str, Any]:
    return {one.attack: one for one in report.summaries}


def said(report: Any) -> str:
    return " ".join(report.notes)


def test_both_files_give_drop_and_success_with_intervals(made: Any, write: Any, tmp_path: Path) -> None:
    perturbed = write(tmp_path / "p.jsonl", [{"set": made.hashes.set, "linker": "mine"}, *made.answers(6)])
    clean = write(tmp_path / "c.jsonl", [{"set": made.hashes.clean_set, "linker": "mine"}, *made.answers(16)])
    report, sound = outside_report([made.folder], [perturbed, clean], [])
    assert sound
    found = by_attack(report)["pgd-normal"]
    assert (found.linker, found.dataset, found.source, found.budget, found.n) == ("mine", "toy", "theirs", "8/255", 20)
    assert (found.accuracy, found.clean_accuracy, found.drop) == (0.3, 0.8, pytest.approx(0.5))
    assert (found.attack_success, found.kept) == (10 / 16, 6 / 16)
    assert found.clusters == 1  # all are about a or b, and neighbours share an image
    assert (found.median_queries, found.perturbed) == (6, 20)
    assert found.hits_at_k == {"1": 0.3, "3": 1.0, "5": 1.0, "10": 1.0}


def test_several_sets_of_the_same_mentions_make_one_table(another: Any, write: Any, tmp_path: Path) -> None:
    sets = [another(tmp_path / name, name, digest) for name, digest in (("pgd-normal", "1"), ("pgd-strong", "2"))]
    assert sets[0].hashes.set != sets[1].hashes.set
    assert sets[0].hashes.clean_set == sets[1].hashes.clean_set
    files = [
        write(tmp_path / f"{name}.jsonl", [{"set": hashed, "linker": linker}, *sets[0].answers(right)])
        for linker in ("one", "two")
        for name, hashed, right in (
            (f"{linker} clean", sets[0].hashes.clean_set, 18),
            (f"{linker} strong", sets[1].hashes.set, 2),
            (f"{linker} normal", sets[0].hashes.set, 9),
        )
    ]
    report, _ = outside_report([one.folder for one in sets], files, [])
    assert [(one.linker, one.attack, one.correct, one.clean_accuracy) for one in report.summaries if not one.worst_case] == [
        (linker, attack, right, 0.9)
        for linker in ("one", "two")
        for attack, right in (("clean", 18), ("pgd-strong", 2), ("pgd-normal", 9))
    ]
    compared = json.loads(report.compare("linker").to_json())
    assert {(row["linker"], row["against"]) for row in compared} == {("one", "two")}


def test_missing_unknown_and_twofold_answers_are_named_counted_and_never_shrink_the_denominator(
    made: Any, write: Any, tmp_path: Path
) -> None:
    rows = made.answers(20)
    rows = rows[:15] + rows[:2] + [{"id": "m3", "ranked": ["c"]}, {"id": "elsewhere", "prediction": "a"}]
    report, sound = outside_report([made.folder], [write(tmp_path / "p.jsonl", [{"set": made.hashes.set}, *rows])], [])
    (found,) = report.summaries
    assert not sound
    assert (found.n, found.correct, found.errors) == (20, 14.0, 6)
    assert found.errors_by_kind == {"answered_twice": 1, "missing": 5}  # m0 and m1 are only repeated
    assert "5 mentions are not answered; they count as wrong (m15, m16, m17, ...)" in said(report)
    assert "1 mentions are answered in two ways; they count as wrong (m3)" in said(report)
    assert "1 ids are not mentions of this set; they are ignored (elsewhere)" in said(report)


def test_odd_answers_are_flagged_and_scored_by_their_scores(made: Any, write: Any, tmp_path: Path) -> None:
    rows = [
        {"id": "m0", "ranked": ["c", "a"], "scores": [1.0, 2.0]},  # sorted the wrong way: a has the higher score
        {"id": "m1", "ranked": ["b", "a"], "scores": [None, 1.0]},
        {"id": "m2", "ranked": ["d", "a"]},
        {"id": "m3", "ranked": ["nobody"]},
        {"id": "m4", "ranked": ["a", "b", "a"], "scores": [3.0, 2.0, 1.0]},
        {"id": "m5", "ranked": ["b", "c"], "scores": [1.0, 1.0]},
        *made.answers(20)[6:],
    ]
    report, sound = outside_report([made.folder], [write(tmp_path / "p.jsonl", [{"set": made.hashes.set}, *rows])], [])
    (found,) = report.summaries
    assert not sound
    assert (found.correct, found.ties, found.errors_by_kind) == (14 + 1 + 1 + 0.5, 1, {"nan_scores": 1})
    for kind in (
        "contradict the order",
        "not a number",
        "outside their candidates",
        "not in the knowledge base",
        "an entity twice",
    ):
        assert kind in said(report)


@pytest.mark.parametrize(
    ("claim", "says"),
    [
        ({"accuracy": 83.2}, "must lie between 0 and 1"),
        ({"accuracy": -0.1}, "must lie between 0 and 1"),
        ({"accuracy": 0.31}, "claims an accuracy of 0.31; the computed one is 0.3000"),
        ({"n": 19}, "claims 19 mentions; the set has 20"),
    ],
)
def test_claims_that_cannot_be_or_are_not_so_are_flagged(made: Any, write: Any, tmp_path: Path, claim: Any, says: str) -> None:
    path = write(tmp_path / "p.jsonl", [{"set": made.hashes.set, **claim}, *made.answers(6)])
    report, sound = outside_report([made.folder], [path], [])
    assert says in said(report)
    assert not sound


def test_true_claims_are_not(made: Any, write: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", [{"set": made.hashes.set, "accuracy": 0.3, "n": 20}, *made.answers(6)])
    assert outside_report([made.folder], [path], [])[1]


def test_more_right_under_attack_than_clean_is_marked(made: Any, write: Any, tmp_path: Path) -> None:
    perturbed = write(tmp_path / "p.jsonl", [{"set": made.hashes.set}, *made.answers(20)])
    clean = write(tmp_path / "c.jsonl", made.answers(5))
    report, _ = outside_report([made.folder], [perturbed], [clean])
    assert by_attack(report)["pgd-normal"].above_clean
    assert "† More mentions are linked" in said(report)
    assert {one.linker for one in report.summaries} == {"p"}  # the clean file has no name and belongs to the only linker


def test_an_unsigned_file_is_scored_and_said_to_be_unchecked(made: Any, write: Any, tmp_path: Path) -> None:
    report, sound = outside_report([made.folder], [write(tmp_path / "p.jsonl", made.answers(6))], [])
    assert "does not name its set" in said(report)
    assert sound


def test_another_set_is_refused_by_name(made: Any, another: Any, write: Any, tmp_path: Path) -> None:
    other = another(tmp_path / "other", digest="9")
    path = write(tmp_path / "p.jsonl", [{"set": other.hashes.set}, *made.answers(6)])
    with pytest.raises(MissingError, match=f"answers the set {other.hashes.set}, but .* is {made.hashes.set}"):
        outside_report([made.folder], [path], [])
    unsigned = write(tmp_path / "u.jsonl", made.answers(6))
    with pytest.raises(UsageError, match="does not say which of the 2 sets"):
        outside_report([made.folder, other.folder], [unsigned], [])


def test_files_that_cannot_be_told_apart_are_refused(made: Any, write: Any, tmp_path: Path) -> None:
    header = {"set": made.hashes.set, "linker": "mine"}
    files = [write(tmp_path / f"{name}.jsonl", [header, *made.answers(6)]) for name in "ab"]
    with pytest.raises(UsageError, match="hold predictions of mine"):
        outside_report([made.folder], files, [])
    stranger = write(tmp_path / "c.jsonl", [{"set": made.hashes.clean_set, "linker": "yours"}, *made.answers(6)])
    with pytest.raises(UsageError, match='names linker "yours"'):
        outside_report([made.folder], [files[0], stranger], [])


@pytest.mark.parametrize("name", ["mentions.jsonl", "entities.jsonl"])
def test_a_set_that_was_changed_is_refused(made: Any, write: Any, tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "p.jsonl", made.answers(6))
    text = (made.folder / name).read_text()
    (made.folder / name).write_text(text.replace('"a"', '"b"', 1) if name[0] == "m" else text.replace("Name of a", "Name of A"))
    with pytest.raises(MissingError, match="was changed after it was published"):
        outside_report([made.folder], [path], [])


def test_a_set_that_was_never_finished_or_is_none_is_refused(made: Any, write: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", made.answers(6))
    made.say(complete=False)
    with pytest.raises(MissingError, match="is incomplete"):
        outside_report([made.folder], [path], [])
    with pytest.raises(MissingError, match="not a published set"):
        outside_report([tmp_path], [path], [])
    (made.folder / "perturbation.json").write_text("[]")
    with pytest.raises(MissingError, match="lacks what every published set states"):
        outside_report([made.folder], [path], [])


def test_names_from_a_file_are_shown_as_text(made: Any, write: Any, tmp_path: Path) -> None:
    nasty = "<script>|=x\x1b[31m\u202e"
    report, _ = outside_report([made.folder], [write(tmp_path / "p.jsonl", [{"linker": nasty}, *made.answers(6)[:5]])], [])
    for text in (report.text(), report.to_markdown(), report.to_csv(), report.to_latex()):
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert "<script>" not in report.to_markdown()
    page = report.write_page()
    assert "<script>|" not in page.read_text()
    assert page.is_relative_to(tmp_path / "p" / "report")


def test_intervals_are_those_of_our_own_runs(made: Any, write: Any, tmp_path: Path) -> None:
    """The same statistics on the same credit; clusters are by entity and by clean image."""
    import numpy as np

    made.golds = [f"e{number}" for number in range(20)]
    rows = [json.loads(line) for line in (made.folder / "mentions.jsonl").read_text().splitlines()]
    for row, gold in zip(rows, made.golds, strict=True):
        row |= {"gold": gold, "candidates": [gold, "c"]}
    write(made.folder / "mentions.jsonl", rows)
    write(made.folder / "entities.jsonl", [{"id": one, "name": one} for one in (*made.golds, "c")])
    made.say()
    perturbed = write(tmp_path / "p.jsonl", [{"set": made.hashes.set}, *made.answers(6)])
    clean = write(tmp_path / "c.jsonl", [{"set": made.hashes.clean_set}, *made.answers(16)])
    report, _ = outside_report([made.folder], [perturbed, clean], [])
    found = by_attack(report)["pgd-normal"]
    before, after, pairs = (np.arange(20) < 16.0)[None] * 1.0, (np.arange(20) < 6.0)[None] * 1.0, np.arange(20) // 2
    assert found.clusters == 10
    assert (found.ci_low, found.ci_high) == interval(after, pairs)
    drop = contrast([before], [after], pairs)
    assert drop is not None
    assert (found.drop_low, found.drop_high) == drop.interval()
