"""Colours of everything that is drawn: RGB, 0..255. The signer's left is warm, the right is cool, in body and hands."""

Color = tuple[int, int, int]

# Surfaces and type.
CANVAS: Color = (18, 21, 28)
PANEL: Color = (28, 33, 43)
GRID: Color = (52, 60, 76)
TEXT: Color = (236, 240, 247)
SUBDUED: Color = (146, 157, 178)
ACCENT: Color = (255, 209, 102)
GHOST: Color = (104, 116, 140)

# Parts of the body.
TORSO: Color = (226, 230, 238)
LEFT_ARM: Color = (255, 146, 61)
RIGHT_ARM: Color = (58, 160, 255)
LOWER_BODY: Color = (112, 122, 144)
FACE: Color = (214, 221, 234)
LIPS: Color = (255, 128, 149)
LOW_SCORE: Color = (255, 77, 109)

# Thumb to little finger.
LEFT_FINGERS: tuple[Color, ...] = ((255, 221, 87), (255, 176, 59), (255, 127, 80), (255, 92, 122), (235, 94, 196))
RIGHT_FINGERS: tuple[Color, ...] = ((170, 232, 96), (52, 211, 153), (45, 206, 222), (80, 156, 255), (150, 130, 255))

# From the smallest number to the largest, at equal steps.
SCALE: tuple[Color, ...] = ((44, 54, 120), (112, 76, 190), (206, 84, 152), (255, 140, 92), (255, 226, 128))
