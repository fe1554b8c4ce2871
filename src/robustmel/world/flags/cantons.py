"""Flags within flags: cantons and other rectangles with a design of their own."""

from __future__ import annotations

from robustmel.world.flags.canvas import Canvas, Layer


def inset(left: float, top: float, width: float, height: float, *layers: Layer) -> Layer:
    """Paints layers into a rectangle; inside it their unit is the rectangle's own height."""

    def paint(canvas: Canvas) -> None:
        part = Canvas(max(1, round(height * canvas.samples)), width / height)
        for layer in layers:
            layer(part)
        canvas.paste(part, left, top)

    return paint


def canton(width: float, height: float, *layers: Layer) -> Layer:
    """An inset in the upper hoist corner."""
    return inset(0, 0, width, height, *layers)
