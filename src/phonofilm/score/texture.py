"""Accompaniment: patterns that turn chords and voices into notes. Each is one way in which players have done it.

Every pattern takes the ground and a seat and gives events; the dice choose a variant once for the whole piece, so that
what is played is a figure and not a row of accidents.
"""

from collections.abc import Callable

from phonofilm.score.ground import Event, Ground, Seat

Texture = Callable[[Ground, Seat], list[Event]]

FIGURES = ((0, 2, 1, 2), (0, 1, 2, 1), (0, 0, 2, 1), (0, 2, 3, 2), (0, 1, 0, 2), (2, 1, 0, 1))
SWEEPS = ((0, 1, 2, 3, 4, 3, 2, 1), (0, 2, 1, 3, 2, 4, 3, 1), (0, 1, 2, 4, 3, 2, 4, 1), (4, 3, 2, 1, 0, 1, 2, 3))
PLUCKS = ((0, 2, 1, 3, 0, 2, 1, 2), (0, 1, 2, 3, 0, 3, 2, 1), (0, 3, 1, 2, 0, 3, 2, 3))
STABS = ((0.0, 1.5), (0.0, 0.75, 1.5), (0.0, 2.5), (0.0, 1.5, 3.0), (0.5, 1.5, 3.0))
COMPS = (
    ((0.0, 1.5), (1.5, 2.0)),
    ((0.0, 1.0), (2.5, 1.0)),
    ((0.5, 1.5), (2.5, 1.25)),
    ((0.0, 2.25), (2.75, 0.5), (3.5, 0.5)),
)
GROOVES = (
    ((0.0, 1.25), (1.5, 0.5), (2.5, 1.0)),
    ((0.0, 0.75), (0.75, 0.75), (2.5, 0.5), (3.5, 0.5)),
    ((0.0, 1.75), (2.0, 0.5), (2.75, 1.0)),
)


def pad(ground: Ground, seat: Seat) -> list[Event]:
    """The upper voices held; a voice that stays on its pitch is tied over."""
    events = []
    for first, end in seat.runs():
        for voice in range(3):
            start = first
            for bar in range(first + 1, end + 1):
                here = ground.harmonies[bar].upper[voice] if bar < end else None
                if here == ground.harmonies[start].upper[voice] and bar - start < 4 and bar < ground.count:
                    continue
                events.append(_held(ground, seat, start, bar, ground.harmonies[start].upper[voice], 0.6))
                start = bar
    return events


def clusters(ground: Ground, seat: Seat) -> list[Event]:
    """Two voices of the chord with the semitone above one of them, creeping from bar to bar."""
    events = []
    rub = int(seat.rng.integers(0, 2))
    for first, end in seat.runs():
        for bar in range(first, end, 2):
            last = min(end, bar + 2)
            low, middle, high = ground.harmonies[bar].upper
            for pitch in {low, high, (low, middle)[rub] + 1}:
                events.append(_held(ground, seat, bar, last, pitch + (12 if (bar // 2) % 2 else 0), 0.55))
    return events


def drone(ground: Ground, seat: Seat) -> list[Event]:
    """The keynote held, struck anew every fourth bar; the bass of the chord where the keynote would rub against it."""
    events = []
    for first, end in seat.runs():
        start = first
        for bar in range(first + 1, end + 1):
            if bar == end or bar - start >= 4 or _pedal(ground, bar) != _pedal(ground, start):
                events.append(_held(ground, seat, start, bar, _pedal(ground, start), 0.6))
                start = bar
    return events


def roots(ground: Ground, seat: Seat) -> list[Event]:
    """The bass of each chord, with its fifth or octave in the second half of the bar where things move."""
    events = []
    for bar in _bars(ground, seat):
        beats, bass = ground.beats(bar), seat.fit(ground.harmonies[bar].bass)
        moving = ground.plans[bar].intensity > 0.55 and beats == 4
        events.append(Event(bar, 0, 2.5 if moving else beats, bass, 0.8))
        if moving:
            fifth = bass + (ground.harmonies[bar].chord.fifth - bass) % 12
            events.append(Event(bar, 2.5, 0.5, seat.fit(fifth), 0.55))
            events.append(Event(bar, 3, 1, bass, 0.65))
    return events + _last_bass(ground, seat)


def pulse(ground: Ground, seat: Seat) -> list[Event]:
    """The bass repeated in eighths; some variants leave holes, all leap an octave where it gets loud."""
    pattern = ((0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5), (0, 0.5, 1.5, 2, 2.5, 3.5), (0, 0.75, 1.5, 2, 2.75, 3.5))[
        seat.rng.integers(3)
    ]
    events = []
    for bar in _bars(ground, seat):
        bass = seat.fit(ground.harmonies[bar].bass)
        for beat in pattern:
            if beat < ground.beats(bar):
                leap = 12 if ground.plans[bar].intensity > 0.75 and beat % 2 == 1.5 and bass + 12 <= seat.high else 0
                events.append(
                    Event(bar, beat, 0.42, bass + leap, 0.85 if beat == 0 else 0.6 if beat % 1 == 0 else 0.45)
                )
    return events + _last_bass(ground, seat)


def offbeat(ground: Ground, seat: Seat) -> list[Event]:
    """Club bass: between the beats of the drum, or rolling in sixteenths after it."""
    rolling = bool(seat.rng.integers(2))
    steps = (0.25, 0.5, 0.75) if rolling else (0.5,)
    events = []
    for bar in _bars(ground, seat):
        bass = seat.fit(ground.harmonies[bar].bass)
        for beat in range(ground.beats(bar)):
            events += [
                Event(bar, beat + step, 0.22 if rolling else 0.42, bass, 0.8 if step == 0.5 else 0.6) for step in steps
            ]
    return events + _last_bass(ground, seat)


def groove(ground: Ground, seat: Seat) -> list[Event]:
    """A lazy bass guitar: root, something in between, and a step towards the next root."""
    pattern = GROOVES[seat.rng.integers(len(GROOVES))]
    events = []
    for bar in _bars(ground, seat):
        bass = seat.fit(ground.harmonies[bar].bass)
        fifth = seat.fit(bass + (ground.harmonies[bar].chord.fifth - bass) % 12 - 12)
        following = seat.fit(ground.harmonies[bar + 1].bass)
        for number, (beat, beats) in enumerate(pattern):
            if beat >= ground.beats(bar):
                continue
            leading = number == len(pattern) - 1 and following != bass
            pitch = bass if number == 0 else following + (1 if following < bass else -1) if leading else fifth
            events.append(Event(bar, beat, min(beats, ground.beats(bar) - beat), pitch, 0.8 if number == 0 else 0.6))
    return events + _last_bass(ground, seat)


def walking(ground: Ground, seat: Seat) -> list[Event]:
    """A walking bass: root, chord tones on the way, and a semitone into the next root."""
    events = []
    for bar in _bars(ground, seat):
        bass, following = seat.fit(ground.harmonies[bar].bass), seat.fit(ground.harmonies[bar + 1].bass)
        tones = [pitch for pitch in ground.tones(bar, seat.low, seat.high) if pitch != bass]
        upwards = following >= bass if bar % 2 else following > bass
        chain = [bass]
        for _ in range(ground.beats(bar) - 2):
            onward = [pitch for pitch in tones if (pitch > chain[-1]) == upwards] or tones
            chain.append(min(onward, key=lambda pitch: abs(pitch - chain[-1])))
        chain.append(following + (-1 if seat.rng.random() < 0.5 else 1))
        events += [Event(bar, beat, 0.9, pitch, 0.7 if beat % 2 == 0 else 0.62) for beat, pitch in enumerate(chain)]
    return events + _last_bass(ground, seat)


def chugs(ground: Ground, seat: Seat) -> list[Event]:
    """A rock guitar: root and fifth, muted in eighths, let ring on the accents."""
    pattern = ((0.0, 1.5, 3.0), (0.0, 2.0, 3.5), (0.0, 0.75, 2.0))[seat.rng.integers(3)]
    events = []
    for bar in _bars(ground, seat):
        root = seat.fit(ground.harmonies[bar].bass)
        fifth = root + (ground.harmonies[bar].chord.fifth - root) % 12
        calm = ground.plans[bar].intensity < 0.4
        marks = [beat for beat in pattern if beat < ground.beats(bar)]
        for beat, end in zip(marks, [*marks[1:], ground.beats(bar)], strict=True):
            events += [Event(bar, beat, end - beat if calm else 0.5, pitch, 0.85) for pitch in (root, fifth, root + 12)]
            if not calm:
                muted = [beat + step / 2 for step in range(1, round(2 * (end - beat)))]
                events += [Event(bar, place, 0.2, pitch, 0.5) for place in muted for pitch in (root, fifth)]
    return events + _last_chord(ground, seat, 0.9, bass=True)


def oom(ground: Ground, seat: Seat) -> list[Event]:
    """Root and fifth in turn, on the strong beats."""
    events = []
    for bar in _bars(ground, seat):
        bass = seat.fit(ground.harmonies[bar].bass)
        fifth = seat.fit(bass + (ground.harmonies[bar].chord.fifth - bass) % 12 - 12)
        events.append(Event(bar, 0, 0.6, bass, 0.85))
        if ground.beats(bar) >= 4:
            events.append(Event(bar, 2, 0.6, fifth, 0.7))
        if ground.plans[bar].lift and ground.beats(bar) >= 4:
            events.append(Event(bar, 3, 0.5, bass + (2 if bass + 2 <= seat.high else -2), 0.6))
    return events + _last_bass(ground, seat)


def pah(ground: Ground, seat: Seat) -> list[Event]:
    """The chord, short, on the weak beats."""
    events = []
    for bar in _bars(ground, seat):
        beats = ground.beats(bar)
        weak = (1, 3) if beats >= 4 else tuple(range(1, beats))
        for beat in weak:
            events += [
                Event(bar, beat, 0.4, seat.fit(pitch), 0.55) for pitch in ground.harmonies[bar].upper if beat < beats
            ]
    return events + _last_chord(ground, seat, 0.5)


def ostinato(ground: Ground, seat: Seat) -> list[Event]:
    """A figure of four eighths on chord tones that goes on through all chords."""
    return _figure(ground, seat, 0.5, 0.4)


def ostinato_fast(ground: Ground, seat: Seat) -> list[Event]:
    """The same in sixteenths."""
    return _figure(ground, seat, 0.25, 0.22)


def arpeggio(ground: Ground, seat: Seat) -> list[Event]:
    """Chords broken upwards and downwards in eighths, each note ringing."""
    return _sweep(ground, seat, 0.5, 1.5)


def arpeggio_fast(ground: Ground, seat: Seat) -> list[Event]:
    """Chords broken in sixteenths, short."""
    return _sweep(ground, seat, 0.25, 0.22)


def broken(ground: Ground, seat: Seat) -> list[Event]:
    """A pianist's left hand: bass, fifth and tenth, then back; wide below, close above, the bass held."""
    shapes = ((0, 1, 2, 1, 3, 1, 2, 1), (0, 1, 2, 3, 2, 1, 2, 1), (0, 1, 2, 3, 4, 3, 2, 1))
    shape = shapes[seat.rng.integers(len(shapes))]
    events = []
    for bar in _bars(ground, seat):
        bass, beats = seat.fit(ground.harmonies[bar].bass), ground.beats(bar)
        chain = _spread(ground, bar, bass)
        calm = ground.plans[bar].intensity < 0.3
        step = 1.0 if calm else 0.5
        for number in range(round(beats / step)):
            place = shape[number % len(shape)]
            held = beats if number == 0 else min(2 * step, beats - number * step)
            events.append(
                Event(bar, number * step, held, chain[min(place, len(chain) - 1)], 0.65 if number == 0 else 0.42)
            )
    return events + _last_chord(ground, seat, 0.5, bass=True)


def fingerpick(ground: Ground, seat: Seat) -> list[Event]:
    """The thumb alternates between bass strings, the fingers play the higher ones in between."""
    shape = PLUCKS[seat.rng.integers(len(PLUCKS))]
    events = []
    for bar in _bars(ground, seat):
        bass, beats = seat.fit(ground.harmonies[bar].bass), ground.beats(bar)
        fifth = seat.fit(bass + (ground.harmonies[bar].chord.fifth - bass) % 12)
        strings = [bass, *ground.tones(bar, max(50, bass + 7), max(67, bass + 19))[:3]]
        for number in range(2 * beats):
            place = shape[number % len(shape)]
            thumb = place == 0
            pitch = (bass if number % 8 == 0 else fifth) if thumb else strings[min(place, len(strings) - 1)]
            events.append(
                Event(bar, number / 2, min(2.0 if thumb else 1.0, beats - number / 2), pitch, 0.7 if thumb else 0.5)
            )
        if ground.plans[bar].intensity > 0.7:
            events += [Event(bar, 0, beats, seat.fit(pitch), 0.45) for pitch in ground.harmonies[bar].upper]
    return events + _last_chord(ground, seat, 0.6, bass=True)


def stabs(ground: Ground, seat: Seat) -> list[Event]:
    """Short chords of the brass against the beat, every second bar with an answer."""
    pattern = STABS[seat.rng.integers(len(STABS))]
    events = []
    for bar in _bars(ground, seat):
        for number, beat in enumerate(pattern):
            if beat < ground.beats(bar) and (bar % 2 == 0 or number == 0):
                events += [
                    Event(bar, beat, 0.6, seat.fit(pitch), 0.9 if number == 0 else 0.7)
                    for pitch in ground.harmonies[bar].voices
                ]
    return events + _last_chord(ground, seat, 0.9)


def comp(ground: Ground, seat: Seat) -> list[Event]:
    """Chords of a keyboard or guitar player, off the beat and in a figure of his own."""
    pattern = COMPS[seat.rng.integers(len(COMPS))]
    events = []
    for bar in _bars(ground, seat):
        for number, (beat, beats) in enumerate(pattern):
            length = min(beats, ground.beats(bar) - beat)
            if length > 0:
                chosen = ground.harmonies[bar].upper if number else ground.tones(bar, 53, 74)[:4]
                events += [Event(bar, beat, length, seat.fit(pitch), 0.6 if number == 0 else 0.48) for pitch in chosen]
    return events + _last_chord(ground, seat, 0.55)


def bells(ground: Ground, seat: Seat) -> list[Event]:
    """Single high chord tones, far apart; on the first beat where the chord changes, elsewhere after it."""
    events = []
    for bar in _bars(ground, seat):
        if bar % 2 and seat.rng.random() > ground.plans[bar].intensity:
            continue
        tones = ground.tones(bar, max(seat.low, 72), max(seat.high, 84)) or ground.tones(bar, seat.low, seat.high)
        beat = 0.0 if ground.changes(bar) else float(seat.rng.integers(1, max(2, ground.beats(bar))))
        pitch = seat.fit(int(tones[seat.rng.integers(len(tones))]))
        events.append(Event(bar, beat, 3.0, pitch, 0.5))
        if seat.rng.random() < 0.4:
            events.append(
                Event(
                    bar,
                    beat + 0.5,
                    2.5,
                    seat.fit(tones[min(len(tones) - 1, tones.index(pitch) + 1 if pitch in tones else 0)]),
                    0.4,
                )
            )
    return events


TEXTURES: dict[str, Texture] = {
    "pad": pad,
    "clusters": clusters,
    "drone": drone,
    "roots": roots,
    "pulse": pulse,
    "offbeat": offbeat,
    "groove": groove,
    "walking": walking,
    "chugs": chugs,
    "oom": oom,
    "pah": pah,
    "ostinato": ostinato,
    "ostinato fast": ostinato_fast,
    "arpeggio": arpeggio,
    "arpeggio fast": arpeggio_fast,
    "broken": broken,
    "fingerpick": fingerpick,
    "stabs": stabs,
    "comp": comp,
    "bells": bells,
}


def _bars(ground: Ground, seat: Seat) -> list[int]:
    return [bar for bar in range(ground.count) if seat.active[bar]]


def _held(ground: Ground, seat: Seat, first: int, end: int, pitch: int, weight: float) -> Event:
    """A note from the beginning of one bar to that of another; one that reaches the end rings to it."""
    beats = float(sum(ground.beats(bar) for bar in range(first, min(end, ground.count))))
    if end > ground.count:
        beats += ground.final_beats
    return Event(first, 0, beats, seat.fit(pitch), weight)


def _last_bass(ground: Ground, seat: Seat) -> list[Event]:
    if not seat.active[-1]:
        return []
    return [Event(ground.count, 0, ground.final_beats, seat.fit(ground.harmonies[-1].bass), 0.75)]


def _last_chord(ground: Ground, seat: Seat, weight: float, bass: bool = False) -> list[Event]:
    if not seat.active[-1]:
        return []
    last = ground.harmonies[-1]
    pitches = {seat.fit(pitch) for pitch in (last.voices if bass else last.upper)}
    return [Event(ground.count, 0, ground.final_beats, pitch, weight) for pitch in sorted(pitches)]


def _pedal(ground: Ground, bar: int) -> int:
    harmony = ground.harmonies[min(bar, len(ground.harmonies) - 1)]
    rubs = any((note - ground.tonic) % 12 in (1, 11) for note in harmony.chord.notes)
    return harmony.bass if rubs else 36 + ground.tonic % 12


def _spread(ground: Ground, bar: int, bass: int) -> list[int]:
    """Bass, the fifth above, then the chord from the tenth up."""
    harmony = ground.harmonies[bar]
    fifth = bass + (harmony.chord.fifth - bass) % 12
    return [bass, fifth, *[pitch for pitch in ground.tones(bar, bass + 12, bass + 28) if pitch > fifth]][:6]


def _figure(ground: Ground, seat: Seat, step: float, length: float) -> list[Event]:
    shape = FIGURES[seat.rng.integers(len(FIGURES))]
    events = []
    for bar in _bars(ground, seat):
        base = seat.fit(
            ground.harmonies[bar].upper[0] - 12 if seat.instrument.low < 45 else ground.harmonies[bar].upper[0]
        )
        tones = ground.tones(bar, base, base + 24)
        for number in range(round(ground.beats(bar) / step)):
            beat = number * step
            weight = 0.75 if beat == 0 else 0.6 if beat % 1 == 0 else 0.42
            events.append(Event(bar, beat, length, tones[min(shape[number % 4], len(tones) - 1)], weight))
    if seat.active[-1]:
        ring = ground.final_beats if seat.instrument.held else 1.0
        events.append(Event(ground.count, 0, ring, seat.fit(ground.harmonies[-1].upper[0]), 0.75))
    return events


def _sweep(ground: Ground, seat: Seat, step: float, length: float) -> list[Event]:
    shape = SWEEPS[seat.rng.integers(len(SWEEPS))]
    events = []
    for bar in _bars(ground, seat):
        tones = ground.tones(bar, max(seat.low, 55), max(seat.high, 84))
        tones = tones[:5] if len(tones) >= 5 else tones * 2
        calm = step == 0.5 and ground.plans[bar].intensity < 0.3
        for number in range(round(ground.beats(bar) / step)):
            if calm and number % 2:
                continue
            weight = 0.6 if number == 0 else 0.45
            events.append(Event(bar, number * step, length, tones[shape[number % 8] % len(tones)], weight))
    return events + _last_chord(ground, seat, 0.5)
