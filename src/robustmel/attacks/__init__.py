"""Attacks: one file each, and one line here."""

from robustmel.attacks.contract import violations
from robustmel.registry import Registry

ATTACKS = Registry(
    "attack",
    {
        "clean": "robustmel.attacks.image.clean:Clean",
        "noise": "robustmel.attacks.image.noise:UniformNoise",
        "corruption": "robustmel.attacks.image.corruption:Corruption",
        "pgd": "robustmel.attacks.image.pgd:PGD",
        "apgd": "robustmel.attacks.image.apgd:APGD",
        "apgd-t": "robustmel.attacks.image.apgd_targeted:TargetedAPGD",
        "cw": "robustmel.attacks.image.cw:CarliniWagner",
        "autoattack": "robustmel.attacks.image.autoattack:AutoAttack",
        "fab": "robustmel.attacks.image.fab:FAB",
        "square": "robustmel.attacks.image.square:Square",
        "fmn": "robustmel.attacks.image.fmn:FMN",
        "descriptor-pgd": "robustmel.defences.adaptive_attacks.descriptor_pgd:DescriptorPGD",
        "gate-pgd": "robustmel.attacks.image.gate_pgd:GatePGD",
        "typographic": "robustmel.attacks.image.typographic:Typographic",
        "qwerty": "robustmel.attacks.text.qwerty:Qwerty",
        "char_swap": "robustmel.attacks.text.char_swap:CharSwap",
        "word_delete": "robustmel.attacks.text.word_delete:WordDelete",
        "wordnet": "robustmel.attacks.text.wordnet:WordNetSynonyms",
        "clare": "robustmel.attacks.text.clare:CLARE",
        "embedding": "robustmel.attacks.text.embedding:EmbeddingNeighbours",
        "detector-aware": "robustmel.defences.adaptive_attacks.detector_aware:DetectorAware",
        "paraphrase": "robustmel.attacks.text.paraphrase:Paraphrase",
        "trigger": "robustmel.attacks.text.trigger:Trigger",
        "poisoned-evidence": "robustmel.attacks.knowledge.poisoned_evidence:PoisonedEvidence",
        "prompt-injection": "robustmel.attacks.knowledge.prompt_injection:PromptInjection",
        "caption-poison": "robustmel.defences.adaptive_attacks.caption_poison:CaptionPoison",
        "injection-search": "robustmel.defences.adaptive_attacks.injection_search:InjectionSearch",
        "vandalism": "robustmel.attacks.knowledge.vandalism:Vandalism",
        "squatting": "robustmel.attacks.knowledge.squatting:Squatting",
    },
    entry_points="robustmel.attacks",
    violations=violations,
)
