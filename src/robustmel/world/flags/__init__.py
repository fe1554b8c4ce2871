"""Flags drawn from facts: stripes, crosses, cantons and charges with their places, sizes and colours."""

from robustmel.world.flags.drawing import FLAGS, draw_flag

__all__ = ["FLAGS", "draw_flag"]
