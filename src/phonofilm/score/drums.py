"""Drums: patterns of sixteenths for each style, ghost notes, fills into new sections, cymbals on their first beat."""

from dataclasses import replace

from phonofilm.score.ground import Event, Ground, Seat

KICK, RIM, SNARE, CLAP = 36, 37, 38, 39
CLOSED, PEDAL, OPEN, CRASH, RIDE = 42, 44, 46, 49, 51
LOW_TOM, MID_TOM, HIGH_TOM, TAMBOURINE, SHAKER, WOOD = 41, 45, 48, 54, 70, 76
WEIGHTS = {"X": 0.95, "x": 0.68, "o": 0.34}
"""Accent, plain, ghost."""

Pattern = dict[int, str]

# Variants of a style, each with what is added as intensity grows: (from intensity, instrument → sixteenths of a bar).
PATTERNS: dict[str, tuple[tuple[tuple[float, Pattern], ...], ...]] = {
    "heartbeat": (
        (
            (0.0, {KICK: "X.x............."}),
            (0.55, {LOW_TOM: "........x.x....."}),
            (0.75, {LOW_TOM: "x..x..x.x..x..x."}),
        ),
        (
            (0.0, {LOW_TOM: "X..x............"}),
            (0.55, {KICK: "X.......x......."}),
            (0.75, {MID_TOM: "....x.......x.x."}),
        ),
    ),
    "action": (
        (
            (0.0, {LOW_TOM: "X..x..x.X..x..x.", KICK: "X.......X......."}),
            (0.4, {SNARE: "....X..o....X..o", MID_TOM: "..o...o...o..xx."}),
            (0.7, {CLOSED: "x.x.x.x.x.x.x.x.", HIGH_TOM: "......x.......xx"}),
        ),
        (
            (0.0, {LOW_TOM: "X.xxX.x.X.xxX.x.", KICK: "X.....X.X.....X."}),
            (0.4, {SNARE: "....X.......X.o.", MID_TOM: "...x..x....x..x."}),
            (0.7, {RIDE: "x.x.x.x.x.x.x.x."}),
        ),
    ),
    "lofi": (
        (
            (0.0, {KICK: "X.....x...x.....", SNARE: "....X..o....X..."}),
            (0.15, {CLOSED: "x.o.x.o.x.o.x.oo"}),
            (0.7, {RIM: "..........o....."}),
        ),
        (
            (0.0, {KICK: "X......x..x....o", SNARE: "....X.......X..o"}),
            (0.15, {CLOSED: "x.x.x.x.x.x.x.x."}),
            (0.7, {SHAKER: "..o...o...o...o."}),
        ),
        (
            (0.0, {KICK: "X..x......x.....", RIM: "....X.......X..."}),
            (0.15, {CLOSED: "x.ox.ox.x.o.x.o."}),
            (0.7, {OPEN: "..............x."}),
        ),
    ),
    "club": (
        (
            (0.0, {KICK: "X...X...X...X..."}),
            (0.25, {OPEN: "..x...x...x...x."}),
            (0.45, {CLAP: "....X.......X...", CLOSED: "x.o.x.o.x.o.x.oo"}),
        ),
        (
            (0.0, {KICK: "X...X...X...X..."}),
            (0.25, {CLOSED: "x.xxx.xxx.xxx.xx"}),
            (0.45, {SNARE: "....X.......X...", OPEN: "..x...x...x...x."}),
        ),
        (
            (0.0, {KICK: "X...X...X...X.x."}),
            (0.25, {TAMBOURINE: "..x...x...x...x."}),
            (0.45, {CLAP: "....X.......X..o", CLOSED: "xxoxxxoxxxoxxxox"}),
        ),
    ),
    "comedy": (
        ((0.0, {KICK: "X.......x.......", SNARE: "....x.......x..."}), (0.5, {WOOD: "..x...x...x.x.x."})),
        ((0.0, {KICK: "X.......x.......", RIM: "....x..o....x..."}), (0.5, {TAMBOURINE: "....x.......x..."})),
    ),
    "light": (
        (
            (0.0, {KICK: "X.......x.......", SHAKER: "x.o.x.o.x.o.x.o."}),
            (0.55, {RIM: "....x.......x..."}),
            (0.75, {SNARE: "....x.......x..."}),
        ),
        (
            (0.0, {KICK: "X.........x.....", CLOSED: "o.x.o.x.o.x.o.x."}),
            (0.55, {CLAP: "....x.......x..."}),
            (0.75, {TAMBOURINE: "..x...x...x...x."}),
        ),
    ),
    "rock": (
        (
            (0.0, {KICK: "X.......X.x.....", SNARE: "....X.......X..."}),
            (0.2, {CLOSED: "x.x.x.x.x.x.x.x."}),
            (0.6, {SNARE: ".......o.o.....o", KICK: "..x...x........."}),
        ),
        (
            (0.0, {LOW_TOM: "X..x..x.X..x....", KICK: "X.......X......."}),
            (0.3, {SNARE: "....X..o.o..X..."}),
            (0.6, {RIDE: "x.x.x.x.x.x.x.x.", MID_TOM: "..............xx"}),
        ),
        (
            (0.0, {KICK: "X..x..x...x.....", SNARE: "....X.......X..o"}),
            (0.2, {CLOSED: "xoxoxoxoxoxoxoxo"}),
            (0.6, {OPEN: "..............x.", RIDE: "x...x...x...x..."}),
        ),
    ),
    "swing": (
        (
            (0.0, {RIDE: "x...x.o.x...x.o.", PEDAL: "....x.......x..."}),
            (0.45, {SNARE: "......o.......o.", KICK: "o.......o......."}),
            (0.75, {SNARE: "..o.......x....."}),
        ),
        (
            (0.0, {RIDE: "x...X..ox...X..o", PEDAL: "....x.......x..."}),
            (0.45, {SNARE: "..o.......o..o..", KICK: "o......o........"}),
            (0.75, {SNARE: "......x.......x."}),
        ),
    ),
    # A pitched player: the numbers say which of his drums, lower ones being larger.
    "taiko": (
        (
            (0.0, {41: "X.......x......."}),
            (0.4, {41: "X..x..x.X..x..x.", 48: "......x.......xx"}),
            (0.75, {48: "..xx..xx..xx.xxx"}),
        ),
        (
            (0.0, {41: "X.....x.X......."}),
            (0.4, {41: "X.x.x.x.X.x.x.x.", 50: "....x.......x..."}),
            (0.75, {50: "..x.x.xx..x.x.xx"}),
        ),
    ),
}
LARGEST_TUNED = 43
SIXTEENTH = 0.25
FULL = 0.55
"""Intensity from which sections open with a cymbal and close with a fill."""


def drums(ground: Ground, seat: Seat, kind: str) -> list[Event]:
    """A drummer's part: the pattern of a kind, one variant for the piece, richer as intensity grows."""
    variants = PATTERNS[kind]
    layers = variants[seat.rng.integers(len(variants))]
    tuned = not seat.instrument.drums
    events: list[Event] = []
    for bar in range(ground.count):
        if not seat.active[bar]:
            continue
        plan = ground.plans[bar]
        fill_from = ground.beats(bar) - (1 if plan.intensity < FULL else 2)
        filled = plan.lift and ground.beats(bar) >= 3 and kind not in ("heartbeat", "light")
        for enters, pattern in layers:
            if plan.intensity >= enters:
                events += _pattern(ground, seat, bar, pattern, fill_from if filled else ground.beats(bar))
        if filled:
            events += _fill(bar, fill_from, ground.beats(bar), tuned)
        if plan.in_section == 0 and bar > 0 and plan.intensity >= FULL and not tuned:
            events.append(Event(bar, 0, 2, CRASH, 0.8))
    if seat.active[-1]:
        events.append(Event(ground.count, 0, 2, 41 if tuned else KICK, 0.9))
        if not tuned and kind not in ("heartbeat", "light", "lofi"):
            events.append(Event(ground.count, 0, 3, CRASH, 0.7))
    if tuned:
        events = [replace(event, pitch=_tuned(ground, seat, event.pitch)) for event in events]
    return list({(event.bar, event.beat, event.pitch): event for event in events}.values())


def timpani(ground: Ground, seat: Seat) -> list[Event]:
    """Keynote and fifth on strong beats where they belong to the chord; a roll into a new section."""
    events = []
    for bar in range(ground.count):
        if not seat.active[bar]:
            continue
        harmony = ground.harmonies[bar].chord
        wanted = [note for note in (ground.tonic, (ground.tonic + 7) % 12) if note in harmony.notes] or [harmony.root]
        pitch = seat.fit(36 + wanted[0])
        events.append(Event(bar, 0, 1.5, pitch, 0.8))
        if ground.plans[bar].lift:
            beats = ground.beats(bar)
            count = 2 * beats
            events += [
                Event(bar, beats - 2 + step / 4, 0.3, pitch, 0.3 + 0.6 * step / 8)
                for step in range(8)
                if beats >= 2 and count
            ]
        elif ground.plans[bar].intensity > 0.7 and ground.beats(bar) == 4:
            events += [Event(bar, 3, 0.5, pitch, 0.5), Event(bar, 3.5, 0.5, pitch, 0.55)]
    if seat.active[-1]:
        events.append(Event(ground.count, 0, 2, seat.fit(36 + ground.tonic), 0.9))
    return events


def swells(ground: Ground, seat: Seat) -> list[Event]:
    """Cymbal crashes on the first beat of a section that is reached with force."""
    events = []
    for bar in range(1, ground.count):
        plan = ground.plans[bar]
        if plan.in_section == 0 and seat.active[bar]:
            events.append(Event(bar, 0, 4, CRASH, 0.35 + 0.45 * plan.intensity))
    return events


def _pattern(ground: Ground, seat: Seat, bar: int, pattern: Pattern, end: float) -> list[Event]:
    events = []
    for pitch, steps in pattern.items():
        for number, mark in enumerate(steps):
            beat = number * SIXTEENTH
            # A ghost note is left out now and then, as players do.
            if mark == "." or beat >= end or (mark == "o" and seat.rng.random() < 0.25):
                continue
            events.append(Event(bar, beat, 0.3, pitch, WEIGHTS[mark] * (0.9 + 0.1 * ground.plans[bar].intensity)))
    return events


def _tuned(ground: Ground, seat: Seat, pitch: int) -> int:
    """The pitch of a drum that has one: the large ones on the keynote, the small ones a fifth above it."""
    keynote = seat.fit(36 + ground.tonic % 12)
    return keynote if pitch <= LARGEST_TUNED else min(keynote + 7, seat.high)


def _fill(bar: int, start: float, end: float, tuned: bool) -> list[Event]:
    """Sixteenths down the drums, growing into the next bar."""
    count = round((end - start) / SIXTEENTH)
    order = (48, 48, 45, 41) if tuned else (SNARE, HIGH_TOM, MID_TOM, LOW_TOM)
    return [
        Event(bar, start + number * SIXTEENTH, 0.3, order[min(3, 4 * number // count)], 0.5 + 0.4 * number / count)
        for number in range(count)
    ]
