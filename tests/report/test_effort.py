from __future__ import annotations

from typing import Any

from robustmel.report.summary import effort

BLANK = dict.fromkeys(
    ("linf_u8", "l2_u8", "queries", "iterations", "zero_gradients", "succeeded", "succeeded_u8"),
)


def line(status: str = "ok", **fields: Any) -> dict[str, Any]:
    return {"id": "q", "status": status} | BLANK | fields


def test_only_perturbed_images_enter_medians_and_shares() -> None:
    log = [
        line(linf_u8=0.1, l2_u8=1.0, queries=10, iterations=10, zero_gradients=5, succeeded=True, succeeded_u8=False),
        line(linf_u8=0.3, l2_u8=2.0, queries=20, iterations=30, zero_gradients=5, succeeded=True, succeeded_u8=True),
        line("skipped:gold_not_among_candidates"),
        line("error:image_decode"),
        line("error:RuntimeError: at /some/path"),
    ]
    found = effort(log)
    assert tuple(found[name] for name in ("perturbed", "median_linf", "median_l2", "median_queries")) == (2, 0.2, 1.5, 15.0)
    assert tuple(found[name] for name in ("zero_gradient_share", "success_float", "success_u8")) == (0.25, 1.0, 0.5)
    assert found["not_perturbed"] == {"RuntimeError": 1, "gold_not_among_candidates": 1, "image_decode": 1}


def test_an_attack_that_takes_no_gradient_has_no_share_of_zero_ones() -> None:
    found = effort([line(iterations=0, zero_gradients=0, queries=0)])
    assert found["zero_gradient_share"] is None
    assert found["success_float"] is None


def test_a_mention_skipped_in_two_views_is_one_mention() -> None:
    assert effort([line("skipped:gold_is_nil"), line("skipped:gold_is_nil"), line("skipped:gold_is_nil", id="r")])[
        "not_perturbed"
    ] == {"gold_is_nil": 2}


def test_no_log_gives_no_figures() -> None:
    assert effort([])["median_linf"] is None
