"""The building blocks of the toy sign language: handshapes, orientations, locations, movements, mouth shapes.

Axes of the signer's space, for a right-handed signer seen by the camera: x to the image's right (the signer's left, so
``contra`` for the right hand), y down, z towards the camera. Lengths are shoulder widths of the average signer; angles
are degrees. Everything is said for the right hand; left hands are mirrored images.
"""

from dataclasses import dataclass

Vector = tuple[float, float, float]

FINGERS = ('forefinger', 'middle_finger', 'ring_finger', 'pinky_finger')

# Directions of the thumb's three bones in the hand's own axes: towards the thumb side, along the palm, out of the palm.
THUMB_POSTURES: dict[str, tuple[Vector, Vector, Vector]] = {
    'along': ((0.45, 0.85, 0.2), (0.1, 0.98, 0.1), (0.0, 1.0, 0.0)),
    'out': ((0.8, 0.55, 0.15), (0.9, 0.42, 0.0), (0.92, 0.38, 0.0)),
    'across': ((0.35, 0.7, 0.6), (-0.6, 0.6, 0.5), (-0.95, 0.15, 0.25)),
    'opposed': ((0.4, 0.5, 0.75), (0.0, 0.75, 0.66), (-0.2, 0.92, 0.35)),
    'curved': ((0.75, 0.5, 0.45), (0.6, 0.7, 0.4), (0.3, 0.9, 0.3)),
}


@dataclass(frozen=True)
class Handshape:
    """Flexion of (knuckle, middle joint) of forefinger to pinky in degrees, spread between fingers, thumb posture."""

    flexion: tuple[tuple[float, float], ...]
    spread: float
    thumb: str


_STRAIGHT, _FOLDED = (0.0, 3.0), (82.0, 100.0)


def _fingers(straight: str, others: tuple[float, float] = _FOLDED) -> tuple[tuple[float, float], ...]:
    """Return the flexion of a hand whose fingers named by letter (f, m, r, p) are straight."""
    return tuple(_STRAIGHT if letter in straight else others for letter in 'fmrp')


HANDSHAPES: dict[str, Handshape] = {
    'relaxed': Handshape(((12.0, 28.0), (18.0, 32.0), (22.0, 34.0), (26.0, 34.0)), 5.0, 'curved'),
    'fist': Handshape(_fingers(''), 2.0, 'across'),
    'flat': Handshape(_fingers('fmrp'), 1.5, 'along'),
    'five': Handshape(_fingers('fmrp'), 15.0, 'out'),
    'index': Handshape(_fingers('f'), 2.0, 'across'),
    'u': Handshape(_fingers('fm'), 1.0, 'across'),
    'v': Handshape(_fingers('fm'), 16.0, 'across'),
    'w': Handshape(_fingers('fmr'), 15.0, 'across'),
    'pinky': Handshape(_fingers('p'), 4.0, 'across'),
    'y': Handshape(_fingers('p'), 12.0, 'out'),
    'ell': Handshape(_fingers('f'), 4.0, 'out'),
    'thumb': Handshape(_fingers(''), 2.0, 'out'),
    'hook': Handshape(((12.0, 78.0), _FOLDED, _FOLDED, _FOLDED), 2.0, 'across'),
    'claw': Handshape(((18.0, 58.0),) * 4, 14.0, 'curved'),
    'bent': Handshape(((72.0, 6.0),) * 4, 1.5, 'along'),
    'round': Handshape(((48.0, 48.0),) * 4, 1.0, 'opposed'),
    'ring': Handshape(((46.0, 54.0), _STRAIGHT, _STRAIGHT, _STRAIGHT), 10.0, 'opposed'),
    'cee': Handshape(((24.0, 36.0),) * 4, 2.0, 'curved'),
}

# Where the straight fingers point, and where the palm faces.
ORIENTATIONS: dict[str, tuple[Vector, Vector]] = {
    'up_out': ((0.15, -1.0, 0.1), (0.1, 0.0, 1.0)),
    'up_in': ((0.2, -1.0, 0.0), (0.1, 0.0, -1.0)),
    'up_contra': ((0.1, -1.0, 0.15), (1.0, 0.1, 0.25)),
    'contra_in': ((1.0, -0.25, 0.0), (0.0, 0.0, -1.0)),
    'contra_out': ((0.9, -0.45, 0.15), (0.1, 0.2, 1.0)),
    'contra_down': ((1.0, 0.0, 0.35), (0.0, 1.0, 0.15)),
    'contra_up': ((1.0, -0.05, 0.4), (0.0, -1.0, 0.45)),
    'out_down': ((0.15, -0.35, 0.95), (0.0, 1.0, 0.3)),
    'out_contra': ((0.25, -0.4, 0.9), (1.0, 0.0, -0.2)),
    'out_up': ((0.35, -0.15, 0.9), (0.0, -1.0, 0.25)),
    'self_in': ((0.85, -0.1, -0.5), (-0.5, 0.0, -0.85)),
    'head_in': ((0.55, -0.85, -0.1), (0.3, 0.1, -0.95)),
    'head_down': ((0.95, -0.35, 0.0), (0.1, 0.9, -0.4)),
    'rest_in': ((0.55, 0.7, 0.3), (0.3, 0.25, -0.9)),
    'rest_hang': ((0.1, 1.0, 0.1), (0.8, 0.0, -0.6)),
}


@dataclass(frozen=True)
class Location:
    """A place of articulation: offset from a landmark of the signer's body, where the hand's contact point goes.

    ``anchor`` is ``head`` (offsets grow with the head; its origin is the nose), ``trunk`` (origin between the
    shoulders; grows with the trunk) or ``base_hand`` (origin: the palm of the other hand).
    """

    anchor: str
    offset: Vector


LOCATIONS: dict[str, Location] = {
    'forehead': Location('head', (-0.16, -0.30, 0.22)),
    'temple': Location('head', (-0.30, -0.16, 0.12)),
    'cheek': Location('head', (-0.24, 0.10, 0.20)),
    'chin': Location('head', (-0.06, 0.20, 0.26)),
    'mouth': Location('head', (-0.10, 0.22, 0.30)),
    'eye': Location('head', (-0.16, -0.06, 0.30)),
    'shoulder': Location('trunk', (0.36, 0.10, 0.44)),
    'chest': Location('trunk', (-0.06, 0.36, 0.32)),
    'belly': Location('trunk', (-0.06, 0.86, 0.40)),
    'neutral': Location('trunk', (-0.24, 0.52, 0.62)),
    'apart': Location('trunk', (-0.40, 0.54, 0.55)),
    'side': Location('trunk', (-0.66, 0.50, 0.45)),
    'high': Location('trunk', (-0.62, -0.02, 0.55)),
    'low': Location('trunk', (-0.60, 0.98, 0.40)),
    'base_hand': Location('base_hand', (0.0, -0.06, 0.08)),
    # the other hand's own places, in its mirrored space
    'base': Location('trunk', (-0.10, 0.68, 0.55)),
    'rest_lap': Location('trunk', (-0.22, 1.22, 0.36)),
    'rest_front': Location('trunk', (-0.13, 1.02, 0.44)),
    'rest_side': Location('trunk', (-0.62, 1.38, 0.12)),
}


@dataclass(frozen=True)
class Movement:
    """How the hand moves during a sign, over a phase that runs from 0 to 1.

    Attributes:
        line: displacement from start to end, centred on the location.
        bow: sideways bulge of that path (an arc).
        swing: there-and-back displacement, ``repeats`` times.
        circle: two axes of an ellipse, run through ``repeats`` times.
        twist: forearm rotation, there and back ``repeats`` times.
        turn: forearm rotation from start to end.
        nod: wrist flexion, there and back ``repeats`` times.
        wiggle: knuckle flexion of neighbouring fingers in turn.
        repeats: how often.
        stretch: share by which this movement lasts longer than others.
    """

    line: Vector = (0.0, 0.0, 0.0)
    bow: Vector = (0.0, 0.0, 0.0)
    swing: Vector = (0.0, 0.0, 0.0)
    circle: tuple[Vector, Vector] = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    twist: float = 0.0
    turn: float = 0.0
    nod: float = 0.0
    wiggle: float = 0.0
    repeats: float = 1
    stretch: float = 0.0


MOVEMENTS: dict[str, Movement] = {
    'hold': Movement(),
    'up': Movement(line=(0.0, -0.40, 0.05)),
    'down': Movement(line=(0.0, 0.36, 0.05)),
    'down_short': Movement(line=(0.0, 0.22, 0.04)),
    'back': Movement(line=(-0.36, -0.12, -0.12), bow=(0.0, -0.08, 0.0)),
    'forward': Movement(line=(0.06, 0.38, 0.30), bow=(-0.04, 0.0, 0.12)),
    'to_contra': Movement(line=(0.44, 0.0, 0.04), bow=(0.0, 0.0, 0.12)),
    'to_side': Movement(line=(-0.40, 0.0, 0.0)),
    'spread_out': Movement(line=(-0.36, 0.0, 0.0), bow=(0.0, -0.05, 0.05)),
    'close_in': Movement(line=(0.36, 0.0, 0.0), bow=(0.0, -0.05, 0.05)),
    'roof': Movement(line=(-0.30, 0.34, 0.0)),
    'away': Movement(line=(-0.10, -0.26, 0.42), bow=(0.0, -0.06, 0.0)),
    'offer': Movement(line=(-0.16, -0.20, 0.36), bow=(0.0, -0.06, 0.0)),
    'pull': Movement(line=(0.0, 0.22, -0.30)),
    'tap': Movement(swing=(-0.09, 0.07, 0.12), repeats=2),
    'tap_self': Movement(swing=(-0.10, 0.02, 0.12), repeats=2),
    'pat': Movement(swing=(0.0, 0.16, 0.0), repeats=2),
    'poke': Movement(swing=(0.02, -0.08, 0.22), repeats=2),
    'shake': Movement(swing=(-0.20, 0.0, 0.0), repeats=2, stretch=0.15),
    'shiver': Movement(swing=(-0.09, 0.0, 0.0), repeats=3, stretch=0.2),
    'stroke': Movement(swing=(-0.26, 0.03, 0.0), repeats=2, stretch=0.15),
    'steer': Movement(swing=(0.03, -0.22, 0.0), repeats=1.5, stretch=0.15),
    'swim': Movement(line=(0.40, 0.0, 0.10), twist=38.0, repeats=2, stretch=0.15),
    'zigzag': Movement(line=(0.0, 0.24, 0.0), swing=(-0.16, 0.0, 0.0), repeats=2, stretch=0.15),
    'scoop': Movement(swing=(-0.04, -0.26, 0.05), repeats=2),
    'circle_front': Movement(circle=((0.18, 0.0, 0.0), (0.0, 0.24, 0.0)), repeats=1, stretch=0.25),
    'circle_flat': Movement(circle=((0.14, 0.0, 0.0), (0.0, 0.05, 0.14)), repeats=2, stretch=0.2),
    'twist': Movement(twist=48.0, repeats=2),
    'turn_over': Movement(turn=130.0, line=(-0.12, 0.0, 0.0)),
    'unfold': Movement(turn=-70.0, line=(-0.20, 0.04, 0.0)),
    'tip': Movement(line=(0.02, -0.10, -0.04), twist=-42.0, repeats=0.5),
    'nod': Movement(nod=46.0, repeats=2),
    'wiggle': Movement(line=(0.0, 0.18, 0.0), wiggle=26.0, repeats=2, stretch=0.2),
}


@dataclass(frozen=True)
class Mouth:
    """A mouth shape: opening and width of the lips and lift of their corners as shares of the head, jaw drop 0..1."""

    opening: float
    width: float
    corners: float = 0.0
    jaw: float = 0.0


MOUTHS: dict[str, Mouth] = {
    'neutral': Mouth(0.010, 0.165),
    'open': Mouth(0.150, 0.160, jaw=1.0),
    'wide': Mouth(0.035, 0.270, corners=0.030, jaw=0.1),
    'round': Mouth(0.085, 0.075, jaw=0.4),
    'pressed': Mouth(0.002, 0.115, corners=-0.030),
}
