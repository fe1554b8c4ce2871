"""Defences: wrappers of linkers, one file each, and one line here."""

from robustmel.registry import Registry, lacking

DEFENCES = Registry(
    "defence",
    {
        "none": "robustmel.defences.none:Undefended",
        "retlink": "robustmel.defences.retlink.retlink:RetLink",
        "demo-vote": "robustmel.defences.demo_vote:DemoVote",
        "modality-gate": "robustmel.defences.modality_gate:ModalityGate",
    },
    entry_points="robustmel.defences",
    violations=lacking("defend"),
)
