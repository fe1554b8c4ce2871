from __future__ import annotations

import pytest

from robustmel.attacks import ATTACKS
from robustmel.attacks.strengths import PROFILES, STRENGTHS, settings
from robustmel.errors import UsageError


@pytest.mark.parametrize(("attack", "strength"), STRENGTHS)
@pytest.mark.parametrize("profile", [None, *PROFILES])
def test_every_strength_makes_its_attack(attack: str, strength: str, profile: str | None) -> None:
    made = ATTACKS.create(attack, **settings(attack, strength, profile))
    assert made.budget in {"8/255", "0.2", "c=20", "c=100", "8/255 rms", "0.2 rms"}


def test_the_table_of_the_paper_to_the_letter() -> None:
    assert settings("pgd", "normal", "paper") == {"eps": 8 / 255, "step_size": 2 / 255, "steps": 20}
    assert settings("pgd", "strong", "paper") == {"eps": 0.2, "step_size": 2 / 225, "steps": 40}
    assert settings("apgd", "normal", "paper") == {"eps": 8 / 255, "steps": 20}
    assert settings("apgd", "strong", "paper") == {"eps": 0.2, "steps": 40}
    assert settings("cw", "normal", "paper") == {"c": 20, "kappa": 0, "lr": 0.01, "steps": 50}
    assert settings("cw", "strong", "paper") == {"c": 100, "kappa": 0, "lr": 0.05, "steps": 75}


def test_readings_differ_where_the_sources_do() -> None:
    assert settings("pgd", "strong")["step_size"] == 2 / 255
    assert settings("cw", "normal", "cui")["lr"] == settings("cw", "strong", "cui")["lr"] == 0.05


def test_no_strength_gives_no_parameters() -> None:
    assert settings("pgd") == {}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("pgd", "stronk"), 'Did you mean "strong"'),
        (("pgd", "normal", "papr"), 'Did you mean "paper"'),
        (("clean", "normal"), "no named strengths"),
        (("pgd", None, "paper"), 'add strength = "normal"'),
    ],
)
def test_what_is_not_in_the_table_is_refused_in_a_sentence(asked: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        settings(*asked)
