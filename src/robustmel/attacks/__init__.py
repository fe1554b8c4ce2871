"""Attacks: one file each, and one line here."""

from robustmel.registry import Registry

ATTACKS = Registry(
    "attack",
    {
        "clean": "robustmel.attacks.clean:Clean",
        "noise": "robustmel.attacks.noise:UniformNoise",
        "corruption": "robustmel.attacks.corruption:Corruption",
        "pgd": "robustmel.attacks.pgd:PGD",
        "apgd": "robustmel.attacks.apgd:APGD",
        "apgd-t": "robustmel.attacks.apgd_targeted:TargetedAPGD",
        "cw": "robustmel.attacks.cw:CarliniWagner",
        "autoattack": "robustmel.attacks.autoattack:AutoAttack",
        "fab": "robustmel.attacks.fab:FAB",
        "square": "robustmel.attacks.square:Square",
        "fmn": "robustmel.attacks.fmn:FMN",
    },
    entry_points="robustmel.attacks",
)
