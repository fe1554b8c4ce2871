"""Defences: wrappers of linkers, one file each, and one line here."""

from robustmel.registry import Registry, lacking

DEFENCES = Registry(
    "defence",
    {
        "none": "robustmel.defences.none:Undefended",
        "retlink": "robustmel.defences.retlink.retlink:RetLink",
        "context-field": "robustmel.defences.context_field:ContextField",
        "context-mapping": "robustmel.defences.context_mapping:ContextMapping",
        "demo-vote": "robustmel.defences.demo_vote:DemoVote",
        "modality-gate": "robustmel.defences.modality_gate:ModalityGate",
        "margin-gate": "robustmel.defences.margin_gate:MarginGate",
        "trained-with": "robustmel.defences.trained_with:TrainedWith",
        "jpeg": "robustmel.defences.images.jpeg:JPEG",
        "bit-depth": "robustmel.defences.images.bit_depth:BitDepth",
        "median": "robustmel.defences.images.median:Median",
        "random-resize": "robustmel.defences.images.random_resize:RandomResize",
        "views": "robustmel.defences.images.views:Views",
    },
    entry_points="robustmel.defences",
    violations=lacking("defend"),
)
