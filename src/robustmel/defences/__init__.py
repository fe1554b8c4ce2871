"""Defences: wrappers of linkers, one file each, and one line here."""

from robustmel.registry import Registry, lacking

DEFENCES = Registry(
    "defence",
    {"none": "robustmel.defences.none:Undefended"},
    entry_points="robustmel.defences",
    violations=lacking("defend"),
)
