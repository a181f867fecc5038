"""Who plays what: the layers of a style given to players, instruments that were asked for put in, entries decided."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from phonofilm.score.form import BarPlan
from phonofilm.score.ground import Seat
from phonofilm.score.instruments import BY_NAME, Instrument, Role, Wanted
from phonofilm.score.style import Layer, Style

ENTRY_BARS = 4
"""Players come in and go out at the borders of phrases, not in the middle of them."""
ASKED_EARLIER, ASKED_LOUDER_DB = 0.25, 3.0
"""An instrument that was asked for comes in earlier than its layer would, and louder."""
STRING_SECTION = ("strings", "slow strings", "tremolo strings", "pizzicato strings", "violin", "viola", "cello")
OWN_TEXTURE: dict[Role, str] = {
    "melody": "tune lyrical",
    "inner": "pad",
    "bass": "roots",
    "motion": "arpeggio",
    "beat": "drums rock",
    "colour": "bells",
}
REGISTERS: dict[Role, tuple[int, int]] = {
    "melody": (60, 96),
    "inner": (48, 80),
    "bass": (28, 55),
    "motion": (40, 84),
    "beat": (0, 127),
    "colour": (60, 103),
}
MELODY_SPAN, BASS_SPAN = 22, 19


@dataclass(frozen=True, eq=False)
class Desk:
    """A layer with the player who has it."""

    layer: Layer
    seat: Seat


def seat_players(style: Style, wanted: Wanted, plans: Sequence[BarPlan], rng: np.random.Generator) -> list[Desk]:
    """The desks of the orchestra for a style and for the instruments that were asked for."""
    chosen: list[tuple[Layer, Instrument]] = []
    for layer, asked in _with_wanted(style.layers, wanted):
        players = [BY_NAME[name] for name in layer.players if BY_NAME[name] not in wanted.forbidden]
        if not players or (layer.role == "beat" and any(one.roles[0] == "beat" for one in wanted.forbidden)):
            continue
        free = [one for one in players if all(one != other for _, other in chosen)]
        pool = players if asked or not free else free
        chosen.append((layer, pool[int(rng.integers(len(pool)))]))
    desks = []
    for layer, player in chosen:
        low, high = _register(layer.role, player)
        dice = np.random.default_rng(rng.integers(2**32))
        desks.append(Desk(layer, Seat(player, _entries(layer, plans), dice, low, high)))
    return desks


def _with_wanted(layers: Sequence[Layer], wanted: Wanted) -> list[tuple[Layer, bool]]:
    """The layers, with the instruments that were asked for in the best places; True marks those."""
    slots = list(layers)
    asked: set[int] = set()
    for player in wanted.named:
        place = _place_for(player, slots, asked)
        if place is None:
            slots.append(Layer(player.roles[0], OWN_TEXTURE[player.roles[0]], (player.name,), 0.0, -3))
            place = len(slots) - 1
        asked.add(place)
        layer = slots[place]
        players = layer.players if _has(player, layer) else (player.name,)
        slots[place] = _asked(layer, players)
    if not wanted.alone:
        return [(layer, number in asked) for number, layer in enumerate(slots)]
    kept = {number: slots[number] for number in sorted(asked)}
    for player in wanted.named:
        # A pianist alone has two hands: the tune too, not only the accompaniment, and the other way round.
        roles = {slots[number].role for number in asked if player.name in slots[number].players}
        for role in player.roles[:3]:
            tune_missing = role == "melody" and "melody" not in roles
            motion_missing = role == "motion" and "motion" not in roles and not player.held
            if tune_missing or motion_missing:
                slots.append(Layer(role, OWN_TEXTURE[role], (player.name,), 0.0, -1 if role == "melody" else -4))
                kept[len(slots) - 1] = slots[-1]
    return [(replace(layer, enters=0.0), True) for layer in kept.values()]


def _has(player: Instrument, layer: Layer) -> bool:
    """Whether a layer already is what was asked for: a section of strings has several ways of bowing."""
    return player.name == "strings" and layer.players[0] in STRING_SECTION


def _place_for(player: Instrument, slots: Sequence[Layer], asked: set[int]) -> int | None:
    own = [
        n for n, layer in enumerate(slots) if n not in asked and (player.name in layer.players or _has(player, layer))
    ]
    if own:
        return own[0]
    for role in player.roles:
        for number, layer in enumerate(slots):
            if number not in asked and layer.role == role and not (role == "colour" and layer.texture == "swells"):
                return number
    return None


def _asked(layer: Layer, players: tuple[str, ...]) -> Layer:
    enters = max(0.0, layer.enters - ASKED_EARLIER)
    return replace(layer, players=players, enters=enters, level_db=min(0.0, layer.level_db + ASKED_LOUDER_DB))


def _register(role: Role, player: Instrument) -> tuple[int, int]:
    low, high = REGISTERS[role]
    if role == "melody":
        low = max(player.low, min(low, player.high - MELODY_SPAN))
        return low, min(player.high, low + MELODY_SPAN)
    if role == "bass":
        low = max(player.low, low)
        return low, min(player.high, low + BASS_SPAN)
    low, high = max(player.low, low), min(player.high, high)
    return (low, high) if high - low >= 12 else (player.low, player.high)


def _entries(layer: Layer, plans: Sequence[BarPlan]) -> tuple[bool, ...]:
    """For each bar, and for the last chord, whether the layer plays."""
    active = [False] * len(plans)
    start = 0
    while start < len(plans):
        plan = plans[start]
        end = min(len(plans), start + min(ENTRY_BARS, plan.section_bars - plan.in_section))
        mean = float(np.mean([each.intensity for each in plans[start:end]]))
        on = mean >= layer.enters
        if layer.role == "melody" and plan.section == "intro" and layer.enters > 0:
            on = False
        active[start:end] = [on] * (end - start)
        start = end
    played = any(active)
    last = layer.enters == 0 or (played and active[-1])
    return (*active, last)
