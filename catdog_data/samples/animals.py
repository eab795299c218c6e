"""Cats and dogs drawn from ovals and polygons; only their shapes tell them apart."""

from __future__ import annotations

import numpy as np

from catdog_data.samples.canvas import FURRY, Canvas, Points, mirrored, moved, oval, polygon
from catdog_data.samples.look import Colour, Look, shade

_INK: Colour = (38, 30, 34)
_WHITE: Colour = (255, 255, 255)

_HEAD = oval(0, 0, 1.0, 0.88)


def draw_body(canvas: Canvas, look: Look) -> None:
    """Draw what is below the head, the same for both."""
    canvas.fill(oval(0, 2.3, 1.15, 1.75), look.coat, FURRY)
    canvas.fill(oval(0, 2.1, 0.55, 1.0), look.pale, FURRY)
    canvas.fill(oval(0, 0.75, 0.72, 0.42), look.collar)
    canvas.fill(oval(0.3 * look.turn, 1.2, 0.13, 0.14), look.tag)


def _draw_head(canvas: Canvas, look: Look) -> None:
    canvas.fill(_HEAD, look.coat, FURRY)
    if look.marking == 1:  # a blaze
        canvas.fill_within(oval(look.turn, -0.4, 0.17, 0.75), _HEAD, look.pale)
    elif look.marking == 2:  # a patch over one eye
        canvas.fill_within(oval(0.45 * look.side, -0.25, 0.42, 0.5), _HEAD, look.dark)
    elif look.marking == 3:  # stripes
        for x in (-0.3, 0.0, 0.3):
            canvas.fill_within(oval(x + look.turn, -0.7, 0.07, 0.28, 40 * x), _HEAD, look.dark)
    elif look.marking == 4:  # pale cheeks
        for side in (-1, 1):
            canvas.fill_within(oval(0.55 * side, 0.5, 0.5, 0.45), _HEAD, look.pale)


def _draw_tongue(canvas: Canvas, look: Look, y: float) -> None:
    if look.tongue:
        canvas.fill(oval(look.turn, y + look.nod, 0.12, 0.16), look.skin)


def _draw_eye(canvas: Canvas, x: float, y: float, pupil: Points, white: Points) -> None:
    canvas.fill(moved(pupil, x, y), _INK)
    canvas.fill(moved(white, x - 0.05, y - 0.06), _WHITE)


def draw_cat(canvas: Canvas, look: Look) -> None:
    """Draw the head of a cat."""
    ear = polygon((-0.93, -0.30), (-0.95, -1.32), (-0.78, -1.28), (-0.22, -0.80), (-0.4, -0.3))
    inner = polygon((-0.80, -0.55), (-0.83, -1.12), (-0.40, -0.78), (-0.5, -0.5))
    for side in (-1, 1):
        canvas.fill(mirrored(ear, side), look.ears, FURRY)
        canvas.fill(mirrored(inner, side), look.skin, FURRY)
    _draw_head(canvas, look)
    x, y = look.turn, look.nod
    for side in (-1, 1):
        middle = x + 0.42 * side, y - 0.1
        canvas.fill(oval(*middle, 0.26, 0.185, 12 * side), _INK)
        canvas.fill(oval(*middle, 0.225, 0.155, 12 * side), look.iris)
        _draw_eye(canvas, *middle, oval(0, 0, 0.045, 0.15), oval(0, 0, 0.03, 0.03))
    _draw_tongue(canvas, look, 0.62)
    for side in (-1, 1):
        canvas.fill(oval(x + 0.17 * side, y + 0.42, 0.22, 0.17), look.pale, FURRY)
    canvas.fill(polygon((x - 0.13, y + 0.22), (x + 0.13, y + 0.22), (x, y + 0.36)), look.nose)
    mouth = polygon((0, 0.34), (0, 0.5), (0.08, 0.56), (0.18, 0.55), (0.25, 0.5))
    for side in (-1, 1):
        canvas.line(moved(mirrored(mouth, side), x, y), _INK, 0.025)
        for lift in (-0.16, 0.0, 0.16):
            hair = polygon((0.3, 0.4 + lift / 4), (0.8, 0.36 + lift), (1.25, 0.42 + 1.6 * lift))
            canvas.line(moved(mirrored(hair, side), x, y), shade(look.pale, 1.1), 0.018)


def draw_dog(canvas: Canvas, look: Look) -> None:
    """Draw the head of a dog."""
    _draw_head(canvas, look)
    for side in (-1, 1):
        flap = np.concatenate(
            [oval(-0.98, 0.12, 0.27, 0.62, 10)[:25], oval(-0.86, -0.3, 0.34, 0.42)[24:]]
        )
        canvas.fill(mirrored(flap, side), shade(look.ears, 0.9), FURRY)
    x, y = look.turn, look.nod
    for side in (-1, 1):
        middle = x + 0.36 * side, y - 0.16
        canvas.fill(oval(*middle, 0.175, 0.175), _INK)
        canvas.fill(oval(*middle, 0.145, 0.145), look.iris)
        _draw_eye(canvas, *middle, oval(0, 0, 0.095, 0.095), oval(0, 0, 0.035, 0.035))
    _draw_tongue(canvas, look, 0.86)
    canvas.fill(oval(x, y + 0.42, 0.42, 0.4), look.pale, FURRY)
    canvas.fill(oval(x, y + 0.22, 0.2, 0.14), look.nose)
    canvas.fill(oval(x - 0.06, y + 0.17, 0.05, 0.025), shade(look.nose, 1.7))
    mouth = polygon((0, 0.34), (0, 0.6), (0.1, 0.67), (0.22, 0.65), (0.3, 0.58))
    for side in (-1, 1):
        canvas.line(moved(mirrored(mouth, side), x, y), _INK, 0.03)
