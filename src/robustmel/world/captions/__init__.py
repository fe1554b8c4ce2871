"""Captions of the embedded world: one or two sentences around a mention, from templates that no two splits share."""

from robustmel.world.captions.templates import Templates, templates_of
from robustmel.world.captions.writing import Caption, write_caption

__all__ = ["Caption", "Templates", "templates_of", "write_caption"]
