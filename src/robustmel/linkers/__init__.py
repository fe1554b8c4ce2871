"""Linkers (the victims): one file a family, and one line here."""

from robustmel.linkers.contract import violations
from robustmel.registry import Preset, Registry

LINKERS = Registry(
    "linker",
    {
        "align": "robustmel.linkers.align:ALIGN",
        "blip": "robustmel.linkers.blip:BLIP",
        "blip2": "robustmel.linkers.blip2:BLIP2",
        "chat": "robustmel.linkers.chat.linker:Chat",
        "chat-scores": "robustmel.linkers.chat.scored:ChatScores",
        "clip": "robustmel.linkers.clip:CLIP",
        "copy-surface": "robustmel.linkers.copy_surface:CopySurface",
        "flava": "robustmel.linkers.flava:FLAVA",
        "gemel": "robustmel.linkers.gemel.linker:GEMEL",
        "llava": "robustmel.linkers.mllm.llava:LLaVA",
        "minigpt4": "robustmel.linkers.mllm.minigpt4:MiniGPT4",
        "owlvit": "robustmel.linkers.owlvit:OWLViT",
        "qwen2.5-vl": "robustmel.linkers.mllm.qwen:QwenVL",
        "siglip": "robustmel.linkers.siglip:SigLIP",
        "align-world": Preset("align", {"model": "world:align-world"}),
        "blip-world": Preset("blip", {"model": "world:blip-world"}),
        "blip2-world": Preset("blip2", {"model": "world:blip2-world"}),
        "clip-robust-world": Preset("clip", {"model": "world:clip-robust-world"}),
        "clip-world": Preset("clip", {"model": "world:clip-world"}),
        "flava-world": Preset("flava", {"model": "world:flava-world"}),
        "gemel-news": Preset("gemel", {"model": "world:gemel-news"}),
        "gemel-sport": Preset("gemel", {"model": "world:gemel-sport"}),
        "llava-world": Preset("llava", {"model": "world:llava-world"}),
        "minigpt4-world": Preset("minigpt4", {"model": "world:minigpt4-world"}),
        "owlvit-world": Preset("owlvit", {"model": "world:owlvit-world"}),
        "qwen2.5-vl-world": Preset("qwen2.5-vl", {"model": "world:qwen2.5-vl-world"}),
        "siglip-world": Preset("siglip", {"model": "world:siglip-world"}),
    },
    entry_points="robustmel.linkers",
    violations=violations,
)

DUAL_ENCODERS = frozenset(("align", "blip", "blip2", "clip", "flava", "owlvit", "siglip"))
"""Those whose texts and images are embedded in one space, known without importing any of them."""
