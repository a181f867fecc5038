"""What is true of a simulated scene: what sounds when, where and of what, in numbers and in words.

The picture and the sound of a scene are two readings of one `Truth`, so they are in step by construction. Times are in
seconds of the film, exact, and lie where physics puts them: a blow falls between two frames more often than on one.

Places run from -1 (left edge of the frame) to 1 (right edge), as the camera sees them at that time.
"""

from dataclasses import dataclass

CONTACTS = ("strike", "bounce", "step", "chop", "pluck", "slam", "drip", "burst", "click")
"""Kinds of contact. strike: hammer, drum stick, two bodies; bounce: a body thrown back by a surface; step: a foot;
chop: a blade; pluck: a string let go; slam: something large comes to rest in a frame; drip: a drop on water; burst:
fireworks, a shot; click: a key, a tick."""
MATERIALS = (
    "wood",
    "metal",
    "glass",
    "stone",
    "earth",
    "gravel",
    "snow",
    "water",
    "skin",
    "cloth",
    "plastic",
    "rubber",
    "food",
    "air",
)
GOINGS_ON = (
    "rain",
    "waves",
    "fire",
    "wind",
    "engine",
    "stream",
    "underwater",
    "crowd",
    "machine",
    "speech",
    "friction",
)
"""Kinds of continuous sound."""


@dataclass(frozen=True)
class Event:
    """One short sound. strength: 0 to 1. source: number of the thing that sounds; the same thing sounds alike.

    size: 0 (a coin) to 1 (a door): large things sound low. seen: whether the picture shows that something happens; the
    crackle of a fire, the click of a latch and the tick of a hand too small to be made out are heard alone.
    """

    time_s: float
    strength: float
    place: float
    contact: str
    material: str
    size: float
    source: int
    seen: bool = True


@dataclass(frozen=True)
class Stretch:
    """A continuous sound from start_s to end_s. levels and places: (time_s, value) knots, joined by straight lines.

    A level is 0 to 1. rate_hz: how fast it beats (an engine's firing, a clock has events instead); 0 where it does not.
    """

    start_s: float
    end_s: float
    what: str
    levels: tuple[tuple[float, float], ...]
    places: tuple[tuple[float, float], ...]
    source: int
    rate_hz: float = 0.0


@dataclass(frozen=True)
class Phoneme:
    """One speech sound of the transcript (ARPABET without stress; "SIL" between words) and when it is spoken."""

    start_s: float
    end_s: float
    symbol: str


@dataclass(frozen=True)
class Truth:
    """Everything that is heard in a scene. `scene` names its kind; captions describe the same sound in several styles.

    silent: what moves without a sound, in words. cuts_s: first instants of new shots. labels: names that the sounds
    have in the index of recordings (`data/manifest.py`) where some fit, so that recordings can stand in for them: one
    tuple of alternatives per source number.
    """

    scene: str
    seed: int
    duration_s: float
    events: tuple[Event, ...]
    stretches: tuple[Stretch, ...]
    phonemes: tuple[Phoneme, ...]
    transcript: str
    captions: tuple[str, ...]
    silent: tuple[str, ...]
    cuts_s: tuple[float, ...]
    labels: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        assert self.duration_s > 0, f"a scene lasts some time, not {self.duration_s} s"
        assert self.captions, "a scene has at least one caption"
        assert all(event.contact in CONTACTS and event.material in MATERIALS for event in self.events), self.events
        assert all(stretch.what in GOINGS_ON for stretch in self.stretches), self.stretches
        times = [event.time_s for event in self.events]
        assert times == sorted(times), "events stand in order of time"
