"""Composes scenes: a plot or two, a camera, light, surfaces, things that move without a sound, and the truth of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from phonofilm.data.simulate import (
    plots_arms,
    plots_faces,
    plots_falling,
    plots_home,
    plots_keys,
    plots_music,
    plots_nature,
    plots_silent,
    plots_tools,
    plots_underwater,
    plots_vehicles,
    plots_walkers,
)
from phonofilm.data.simulate.canvas import Levels
from phonofilm.data.simulate.optics import Camera, Light, Point, film, lit
from phonofilm.data.simulate.stage import Actor, Blow, Hum, Plan, Setting
from phonofilm.data.simulate.textures import Textures, levels_of
from phonofilm.data.simulate.truth import Event, Stretch, Truth
from phonofilm.errors import OptionError

SHORTEST_S, LONGEST_S = 4.0, 9.0
_KNOT_S = 0.25
LEAST_SEEN = 0.02
"""Least size, in picture widths, of what is made out: three pixels of the 160 that the cue finder is shown."""
LOWEST_SEEN = 0.3
"""How far above or below the middle, in picture widths, something is still seen: the edge of 16:9 lies at 0.28."""
_PLOTS: dict[str, Callable[[Setting], Plan]] = {
    "bouncing balls": plots_falling.bouncing_balls,
    "colliding balls": plots_falling.colliding_balls,
    "dropped things": plots_falling.dropped_things,
    "hammer": plots_tools.hammer,
    "chopping": plots_tools.chopping,
    "knocking": plots_tools.knocking,
    "clapping": plots_tools.clapping,
    "typing": plots_keys.typing,
    "drum strokes": plots_music.drum_strokes,
    "footsteps": plots_walkers.footsteps,
    "plucked strings": plots_music.plucked_strings,
    "doors": plots_home.doors,
    "dripping tap": plots_home.dripping_tap,
    "clock": plots_home.clock,
    "rain": plots_nature.rain,
    "waves": plots_nature.waves,
    "fire": plots_nature.fire,
    "wind": plots_nature.wind,
    "fireworks": plots_nature.fireworks,
    "jellyfish": plots_underwater.jellyfish,
    "engine": plots_vehicles.engine,
    "vehicle": plots_vehicles.vehicle,
    "speaking face": plots_faces.speaking_face,
    "silent face": plots_faces.silent_face,
    "silent things": plots_silent.silent_things,
    "silent hand": plots_silent.silent_hand,
    "silent still": plots_silent.silent_still,
    "arm strokes": plots_arms.arm_strokes,
    "jolts": plots_arms.jolts,
    "silent arms": plots_arms.silent_arms,
}
PLOTS: tuple[str, ...] = tuple(_PLOTS)
"""Names of all plots. Two of them make a mixture, named "one with other"."""
_COMPANIONS = tuple(name for name in ("rain", "fire", "wind", "clock", "drum strokes", "hammer") if name in _PLOTS)
_MIXED_SHARE = 0.12
_DISTRACTED_SHARE = 0.34


@dataclass(frozen=True)
class Cast:
    """Actors who live in a world of their own at `origin`, `size` times as large as told."""

    actors: tuple[Actor, ...]
    origin: Point = (0.0, 0.0, 0.0)
    size: float = 1.0


@dataclass(frozen=True)
class Surface:
    """A textured plane. levels: the texture and its halves (E, E, 3); tile_m: what one texture measures."""

    levels: Levels
    tile_m: float


@dataclass(frozen=True)
class SimulatedScene:
    """A scene ready to be painted. ground: the plane y = 0 or None; back: the upright plane at z = back_m."""

    truth: Truth
    casts: tuple[Cast, ...]
    camera: Camera
    light: Light
    ground: Surface | None
    back: Surface
    back_m: float


def compose(seed: int, textures: Textures | None = None, plot: str | None = None) -> SimulatedScene:
    """The scene that a seed stands for: the same seed, textures and plot give the same scene.

    plot: one of PLOTS, or two joined by " with "; chance decides where it is None. Raises OptionError for an unknown
    plot.
    """
    rng = np.random.default_rng([seed % 2**63, 4])
    name = plot if plot is not None else _drawn(rng)
    parts = name.split(" with ")
    if any(part not in _PLOTS for part in parts) or len(parts) > 2:
        raise OptionError(f"no plot is called {name!r}; choose of: {', '.join(PLOTS)}")
    setting = Setting(float(rng.uniform(SHORTEST_S, LONGEST_S)), rng, textures or Textures.shipped())
    plan = _PLOTS[parts[0]](setting)
    casts = [Cast(plan.actors)]
    if len(parts) == 2:
        plan, companion = _mixed(setting, plan, _PLOTS[parts[1]](setting))
        casts.append(companion)
    if rng.random() < _DISTRACTED_SHARE:
        actor, words = plots_silent.distractor(setting)
        side = float(rng.choice([-1, 1])) * setting.between(0.45, 0.9) * plan.reach_m
        origin = (plan.target[0] + side, plan.target[1], plan.target[2] + 0.25 * plan.reach_m)
        casts.append(Cast((actor,), origin, plan.reach_m))
        plan = replace(plan, silent=(*plan.silent, words))
    camera = film(rng, setting.duration_s, plan.target, plan.reach_m, plan.pitches)
    light = lit(rng, setting.duration_s, plan.dark)
    ground = _surface(setting, plan.grounds, plan.reach_m) if plan.grounds else None
    back = _surface(setting, plan.backs, plan.reach_m + 0.6 * plan.back_m)
    truth = _truth(name, seed, setting.duration_s, plan, camera)
    return SimulatedScene(truth, tuple(casts), camera, light, ground, back, plan.target[2] + plan.back_m)


def _drawn(rng: np.random.Generator) -> str:
    """A plot, or a mixture of two."""
    name = PLOTS[int(rng.integers(len(PLOTS)))]
    others = [other for other in _COMPANIONS if other != name]
    if rng.random() < _MIXED_SHARE and not name.startswith("silent"):
        return f"{name} with {others[int(rng.integers(len(others)))]}"
    return name


def _surface(setting: Setting, kinds: tuple[str, ...], reach_m: float) -> Surface:
    texture = setting.textures.surface(setting.pick(*kinds), setting.rng)
    return Surface(levels_of(texture), reach_m * setting.between(0.8, 2.2))


def _mixed(setting: Setting, main: Plan, other: Plan) -> tuple[Plan, Cast]:
    """Both plans as one, the other one beside and behind the first, made to fit."""
    side = float(setting.rng.choice([-1, 1])) * setting.between(0.35, 0.7) * main.reach_m
    size = setting.between(0.45, 0.75) * main.reach_m / other.reach_m
    low = 0.0 if other.grounds else main.target[1] - size * other.target[1] + 0.2 * main.reach_m
    origin = (main.target[0] + side, low, main.target[2] + 0.5 * main.reach_m)
    first = len(main.labels)

    def moved(at: Point) -> Point:
        return origin[0] + size * at[0], origin[1] + size * at[1], origin[2] + size * at[2]

    blows = [replace(blow, at=moved(blow.at), source=blow.source + first) for blow in other.blows]
    hums = tuple(_moved_hum(hum, moved, first) for hum in other.hums)
    captions = tuple(
        f"{_bare(one)}, and {two[0].lower()}{two[1:]}" for one, two in zip(main.captions, other.captions, strict=False)
    )
    plan = replace(
        main,
        blows=tuple(sorted((*main.blows, *blows), key=lambda blow: blow.time_s)),
        hums=(*main.hums, *hums),
        captions=captions,
        silent=(*main.silent, *other.silent),
        labels=(*main.labels, *other.labels),
        back_m=max(main.back_m, 1.2 * main.reach_m),
    )
    return plan, Cast(other.actors, origin, size)


def _moved_hum(hum: Hum, moved: Callable[[Point], Point], first: int) -> Hum:
    path = hum.path
    return replace(hum, path=lambda time_s: moved(path(time_s)), source=hum.source + first)


def _bare(caption: str) -> str:
    return caption.rstrip(".")


def _truth(name: str, seed: int, duration_s: float, plan: Plan, camera: Camera) -> Truth:
    """What a plan sounds like through a camera."""
    events = [
        Event(
            blow.time_s,
            min(1.0, max(0.03, blow.strength)),
            camera.place(blow.at, blow.time_s),
            blow.contact,
            blow.material,
            blow.size,
            blow.source,
            _seen(blow, camera),
        )
        for blow in plan.blows
        if 0 <= blow.time_s < duration_s
    ]
    cuts = tuple(shot.start_s for shot in camera.shots[1:])
    stretches = tuple(_stretch(hum, camera, cuts) for hum in plan.hums)
    where = _where(events, stretches)
    return Truth(
        scene=name,
        seed=seed,
        duration_s=duration_s,
        events=tuple(events),
        stretches=stretches,
        phonemes=plan.phonemes,
        transcript=plan.transcript,
        captions=tuple(caption.replace("{where}", where).replace("  ", " ") for caption in plan.captions),
        silent=plan.silent,
        cuts_s=cuts,
        labels=plan.labels,
    )


def _seen(blow: Blow, camera: Camera) -> bool:
    """Whether a blow lies in a picture of 16:9 and what strikes is large enough to be made out."""
    across, down, scale = camera.view(blow.time_s).project(blow.at)
    return abs(across) < 0.5 and abs(down) < LOWEST_SEEN and blow.shows_m * scale >= LEAST_SEEN


def _stretch(hum: Hum, camera: Camera, cuts: tuple[float, ...]) -> Stretch:
    """A hum as the camera sees it, with a knot every quarter of a second and two at each cut."""
    count = max(1, int(np.ceil((hum.end_s - hum.start_s) / _KNOT_S)))
    times = {float(time) for time in np.linspace(hum.start_s, hum.end_s, count + 1)}
    for cut in cuts:
        if hum.start_s < cut < hum.end_s:
            times |= {cut - 1e-3, cut}
    places = tuple((time, camera.place(hum.path(time), time)) for time in sorted(times))
    return Stretch(hum.start_s, hum.end_s, hum.what, hum.levels, places, hum.source, hum.rate_hz)


def _where(events: list[Event], stretches: tuple[Stretch, ...]) -> str:
    """Where it sounds, in words; empty where nothing does."""
    moving = [stretch.places for stretch in stretches if abs(stretch.places[-1][1] - stretch.places[0][1]) > 0.9]
    if moving:
        return "from left to right" if moving[0][-1][1] > moving[0][0][1] else "from right to left"
    places = [event.place for event in events] or [place for s in stretches for _, place in s.places]
    if not places:
        return ""
    middle = float(np.median(places))
    return "on the left" if middle < -0.3 else "on the right" if middle > 0.3 else "in the middle"
