"""Detectors of poisoned training records, one file each, and one line here."""

from robustmel.registry import Registry, lacking

DETECTORS = Registry(
    "detector",
    {
        "context-profile": "robustmel.defences.detectors.context_profile:ContextProfile",
        "image-text": "robustmel.defences.detectors.image_text:ImageTextMismatch",
        "incongruence": "robustmel.defences.detectors.incongruence:Incongruence",
        "masked-lm": "robustmel.defences.detectors.masked_lm:MaskedLMSurprise",
        "neighbours": "robustmel.defences.detectors.neighbours:Neighbours",
        "onion": "robustmel.defences.detectors.onion:ONION",
        "perplexity": "robustmel.defences.detectors.perplexity:Perplexity",
        "spectral": "robustmel.defences.detectors.spectral:SpectralSignatures",
        "view-disagreement": "robustmel.defences.detectors.view_disagreement:ViewDisagreement",
    },
    entry_points="robustmel.detectors",
    violations=lacking("scores"),
)
