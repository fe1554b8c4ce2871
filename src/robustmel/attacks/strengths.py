"""The settings of the visual-attack paper's Table 1 as data, and other readings of them. No torch."""

from collections.abc import Mapping
from typing import Any

from robustmel.errors import UsageError
from robustmel.registry import suggestion

Settings = Mapping[tuple[str, str], Mapping[str, Any]]

STRENGTHS: Settings = {
    ("pgd", "normal"): {"eps": 8 / 255, "step_size": 2 / 255, "steps": 20},
    ("pgd", "strong"): {"eps": 0.2, "step_size": 2 / 255, "steps": 40},  # Table 1 prints 2/225; see the profile "paper"
    ("apgd", "normal"): {"eps": 8 / 255, "steps": 20},
    ("apgd", "strong"): {"eps": 0.2, "steps": 40},
    ("cw", "normal"): {"c": 20.0, "kappa": 0.0, "lr": 0.01, "steps": 50},
    ("cw", "strong"): {"c": 100.0, "kappa": 0.0, "lr": 0.05, "steps": 75},
    **{
        (attack, strength): {"eps": eps}
        for attack in ("apgd-t", "autoattack", "fab", "square", "noise", "corruption")
        for strength, eps in (("normal", 8 / 255), ("strong", 0.2))
    },
}
"""(attack, strength) -> parameters. Attacks beyond those of Table 1 have PGD's radius of the same strength. Noise and corruptions
are as long as the noise of PGD's radius at the same strength."""

PROFILES: Mapping[str, Settings] = {
    "paper": {("pgd", "strong"): {"step_size": 2 / 225}},
    "cui": {
        ("pgd", "normal"): {"on_failure": "last"},
        ("pgd", "strong"): {"on_failure": "last"},
        ("apgd", "normal"): {"skip_misclassified": True},
        ("apgd", "strong"): {"skip_misclassified": True},
        ("cw", "normal"): {"lr": 0.05},
    },
}
"""Other readings, as changes to `STRENGTHS`: "paper" takes Table 1 to the letter; "cui" does what the code of Cui et al.
(2024) does, on which the paper builds: one learning rate for both strengths, PGD's last iterate whether it fools or not, and
APGD only where the clean answer is right."""


def settings(name: str, strength: str | None = None, profile: str | None = None) -> dict[str, Any]:
    """The parameters behind a named strength of an attack.

    Args:
        name: The attack.
        strength: "normal" or "strong"; None gives no parameters.
        profile: A reading of the strengths, one of `PROFILES`; None is the package's own.

    Raises:
        UsageError: The attack has no such strength, or there is no such profile.
    """
    if profile is not None and profile not in PROFILES:
        raise UsageError(f'unknown profile "{profile}". {suggestion(profile, PROFILES)}')
    if strength is None:
        if profile is not None:
            raise UsageError(f'profile "{profile}" is a reading of a named strength; add strength = "normal" to attack {name}.')
        return {}
    by_strength = {parameter: values for (attack, parameter), values in STRENGTHS.items() if attack == name}
    if not by_strength:
        raise UsageError(f"attack {name} has no named strengths; leave strength out and set its parameters themselves.")
    if strength not in by_strength:
        raise UsageError(f'attack {name} has no strength "{strength}". {suggestion(strength, by_strength)}')
    return {**by_strength[strength], **(PROFILES[profile].get((name, strength), {}) if profile else {})}
