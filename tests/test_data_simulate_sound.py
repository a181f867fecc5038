"""The sound of simulated scenes against their truth: times, levels, places, pitches, and what sounds alike."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import welch

from phonofilm.codec.onsets import detect_onsets
from phonofilm.data.simulate import strings, voices
from phonofilm.data.simulate.library import SoundLibrary
from phonofilm.data.simulate.sound import EDGE_S, sound_of
from phonofilm.data.simulate.truth import CONTACTS, GOINGS_ON, MATERIALS, Event, Phoneme, Stretch, Truth

pytestmark = pytest.mark.thorough

RATE_HZ = 44100
Array = NDArray[np.float64]
CASES = (
    *((contact, material) for contact in ("strike", "step") for material in MATERIALS),
    *(("bounce", material) for material in ("rubber", "wood", "metal", "cloth")),
    *(("chop", material) for material in ("food", "wood")),
    *(("slam", material) for material in ("wood", "metal", "plastic")),
    *(("click", material) for material in ("plastic", "metal")),
    ("pluck", "metal"),
    ("drip", "water"),
    ("burst", "air"),
)


def _truth(
    events: tuple[Event, ...] = (),
    stretches: tuple[Stretch, ...] = (),
    phonemes: tuple[Phoneme, ...] = (),
    labels: tuple[tuple[str, ...], ...] = (),
    seed: int = 1,
    duration_s: float = 2.0,
) -> Truth:
    return Truth("test", seed, duration_s, events, stretches, phonemes, "", ("a sound",), (), (), labels)


def _mono(truth: Truth, rate_hz: int = RATE_HZ) -> Array:
    return np.asarray(sound_of(truth, rate_hz).samples.mean(axis=0), np.float64)


def _stretch(what: str, rate_hz: float = 0.0, level: float = 0.8, place: float = 0.0) -> Stretch:
    return Stretch(0.5, 2.5, what, ((0.5, level), (2.5, level)), ((0.5, place), (2.5, place)), 0, rate_hz)


def _spectrum(sound: Array) -> Array:
    """Level in dB of 60 bands, evenly spaced in pitch."""
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    hz = np.fft.rfftfreq(len(sound), 1 / RATE_HZ)
    edges = np.geomspace(60, 12000, 61)
    band = np.digitize(hz, edges) - 1
    total = np.bincount(band.clip(0, 60), power, 61)[:60]
    return np.asarray(10 * np.log10(total + 1e-9 * total.max() + 1e-12))


def _centre_hz(sound: Array) -> float:
    """Power-weighted mean pitch."""
    hz, power = welch(sound, RATE_HZ, nperseg=2048)
    return float(np.exp((np.log(hz[1:]) * power[1:]).sum() / power[1:].sum()))


def _attack_s(sound: Array, near_s: float) -> float:
    """Where, near an instant, a tenth of the highest value of the next 10 ms is first passed."""
    first = int((near_s - 0.02) * RATE_HZ)
    piece = np.abs(sound[first : first + int(0.04 * RATE_HZ)])
    return (first + int(np.argmax(piece > 0.1 * piece.max()))) / RATE_HZ


@pytest.mark.parametrize(("contact", "material"), CASES)
def test_attacks_lie_at_the_true_times(contact: str, material: str) -> None:
    times = (0.3127, 1.2811, 2.2502)
    events = tuple(Event(t, s, 0.0, contact, material, 0.4, 0) for t, s in zip(times, (0.9, 0.6, 0.8), strict=True))
    sound = _mono(_truth(events, duration_s=3.0))
    assert not np.abs(sound[: int(0.312 * RATE_HZ)]).any()
    if contact not in ("burst", "pluck"):  # those two still sound when the next begins
        assert [_attack_s(sound, t) for t in times] == pytest.approx(times, abs=0.002)
    found, _ = detect_onsets(sound.astype(np.float32), RATE_HZ)
    assert found == pytest.approx(times, abs=0.01)


@settings(max_examples=8)
@given(
    st.sampled_from(CONTACTS),
    st.sampled_from(MATERIALS),
    st.floats(0, 1),
    st.floats(0.01, 1),
    st.floats(0, 0.999),
    st.integers(-(2**40), 2**40),
)
def test_any_event_is_finite_and_in_bounds(
    contact: str, material: str, size: float, strength: float, time_s: float, seed: int
) -> None:
    truth = _truth((Event(time_s, strength, 0.3, contact, material, size, 7),), seed=seed, duration_s=1.0)
    sound = sound_of(truth, 16000)
    assert sound.samples.shape == (2, 16000)
    assert np.isfinite(sound.samples).all()
    assert np.abs(sound.samples).max() < 1
    assert not sound.samples[:, : round(time_s * 16000)].any()


@pytest.mark.parametrize("rate_hz", [16000, 44100, 48000])
def test_length_is_exact_and_empty_truth_is_silent(rate_hz: int) -> None:
    truth = _truth(duration_s=1.2345)
    sound = sound_of(truth, rate_hz)
    assert sound.samples.shape == (2, int(Fraction("1.2345") * rate_hz + Fraction(1, 2)))
    assert not sound.samples.any()


def test_the_same_truth_gives_the_same_sound_and_another_seed_another() -> None:
    truth = _truth((Event(0.2, 0.8, 0.0, "strike", "wood", 0.4, 0),), (_stretch("rain"),))
    assert np.array_equal(sound_of(truth).samples, sound_of(truth).samples)
    assert not np.array_equal(sound_of(truth).samples, sound_of(replace(truth, seed=2)).samples)


@pytest.mark.parametrize("material", ["wood", "metal", "glass", "plastic"])
def test_one_thing_sounds_alike_and_another_differs(material: str) -> None:
    times = (0.1, 1.1, 2.1, 3.1)
    events = tuple(
        Event(t, 0.7, 0.0, "strike", material, 0.3, source) for t, source in zip(times, (0, 0, 1, 2), strict=True)
    )
    sound = _mono(_truth(events, seed=3, duration_s=4.0))
    first, again, second, third = (_spectrum(sound[int(t * RATE_HZ) :][: int(0.3 * RATE_HZ)]) for t in times)
    alike = np.corrcoef(first, again)[0, 1]
    assert alike > 0.9
    assert max(np.corrcoef(first, other)[0, 1] for other in (second, third)) < alike - 0.03


@pytest.mark.parametrize(
    ("contact", "material"),
    [
        ("strike", "wood"),
        ("strike", "metal"),
        ("strike", "skin"),
        ("drip", "water"),
        ("burst", "air"),
        ("pluck", "wood"),
    ],
)
def test_large_things_are_lower(contact: str, material: str) -> None:
    small, large = (
        _mono(_truth((Event(0.0, 0.8, 0.0, contact, material, size, 0),), duration_s=0.3)) for size in (0.1, 0.9)
    )
    assert _centre_hz(large) < 0.75 * _centre_hz(small)


@pytest.mark.parametrize("contact", ["strike", "step", "click", "drip"])
def test_level_follows_strength(contact: str) -> None:
    material = "water" if contact == "drip" else "wood"
    strengths = (0.1, 0.3, 0.6, 1.0)
    events = tuple(Event(0.5 * k, s, 0.0, contact, material, 0.3, 0) for k, s in enumerate(strengths))
    sound = _mono(_truth(events))
    levels = [float((sound[k * RATE_HZ // 2 :][: RATE_HZ // 4] ** 2).sum()) for k in range(4)]
    assert np.diff(10 * np.log10(levels)).min() > 3


def test_place_is_heard_at_constant_power() -> None:
    balance, power = [], []
    for place in (-1.0, -0.4, 0.0, 0.4, 1.0):
        left, right = sound_of(_truth((Event(0.1, 0.8, place, "click", "wood", 0.3, 0),))).samples
        balance.append(float((right**2).sum() / (left**2).sum()))
        power.append(float((left**2).sum() + (right**2).sum()))
    assert np.diff(balance).min() > 0
    assert balance[2] == pytest.approx(1, rel=0.05)
    assert power == pytest.approx([power[0]] * 5, rel=0.05)


@pytest.mark.parametrize("what", GOINGS_ON)
def test_goings_on_fill_their_stretch_and_nothing_else(what: str) -> None:
    sound = _mono(_truth(stretches=(_stretch(what, 40.0),), duration_s=3.0))
    start, end = RATE_HZ // 2, 5 * RATE_HZ // 2
    assert not sound[:start].any()
    assert not sound[end:].any()
    blocks = (sound[start + RATE_HZ // 4 : end - RATE_HZ // 4].reshape(3, -1) ** 2).mean(axis=1)
    assert 10 * np.log10(blocks.min()) > -50
    edge = int(EDGE_S * RATE_HZ) // 4
    assert np.abs(sound[start : start + edge]).max() < 0.5 * np.abs(sound).max()


@pytest.mark.parametrize(
    "what", ["rain", "waves", "fire", "wind", "engine", "stream", "underwater", "machine", "friction"]
)
def test_goings_on_follow_level_and_place(what: str) -> None:
    rising = Stretch(0.0, 4.0, what, ((0.0, 0.1), (4.0, 1.0)), ((0.0, -1.0), (4.0, 1.0)), 0, 40.0)
    left, right = sound_of(_truth(stretches=(rising,), duration_s=4.0)).samples
    loud = left.astype(np.float64) ** 2 + right.astype(np.float64) ** 2
    assert loud[3 * RATE_HZ :].mean() > 4 * loud[:RATE_HZ].mean()
    assert (left[:RATE_HZ] ** 2).sum() > 3 * (right[:RATE_HZ] ** 2).sum()
    assert (right[3 * RATE_HZ :] ** 2).sum() > 3 * (left[3 * RATE_HZ :] ** 2).sum()


def test_goings_on_have_their_colours() -> None:
    centre_hz = {
        what: _centre_hz(_mono(_truth(stretches=(_stretch(what),), duration_s=3.0))[RATE_HZ // 2 : 5 * RATE_HZ // 2])
        for what in ("rain", "wind", "waves", "underwater", "friction")
    }
    assert centre_hz["underwater"] < 0.5 * min(centre_hz["wind"], centre_hz["waves"])
    assert centre_hz["rain"] > centre_hz["wind"]
    assert centre_hz["rain"] > 800


@pytest.mark.parametrize("firing_hz", [30.0, 52.0])
def test_an_engine_has_peaks_at_multiples_of_its_rate(firing_hz: float) -> None:
    sound = _mono(_truth(stretches=(_stretch("engine", firing_hz, 0.4),), duration_s=3.0))[RATE_HZ : 2 * RATE_HZ]
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2  # one bin a hertz
    for order in (1, 2, 3, 4):
        near = int(order * firing_hz)
        between = int((order + 0.5) * firing_hz)
        assert power[near - 2 : near + 3].max() > 8 * power[between - 2 : between + 3].max()


def test_a_string_is_in_tune() -> None:
    sound = _mono(_truth((Event(0.0, 0.9, 0.0, "pluck", "metal", 0.5, 0),)))
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 2 * RATE_HZ)) ** 2  # half a hertz a bin
    wanted = strings.string_hz(0.5)
    near = np.arange(int(1.9 * wanted), int(2.1 * wanted))
    found = near[np.argmax(power[near])] / 2
    assert abs(1200 * np.log2(found / wanted)) < 12


def test_a_mouth_sounds_when_it_speaks_and_hisses_where_it_should() -> None:
    symbols = ("AA", "SIL", "S", "SIL", "IY")
    phonemes = tuple(Phoneme(0.2 + 0.3 * k, 0.5 + 0.3 * k, symbol) for k, symbol in enumerate(symbols))
    sound = _mono(_truth(phonemes=phonemes))
    parts = [sound[int((0.25 + 0.3 * k) * RATE_HZ) : int((0.45 + 0.3 * k) * RATE_HZ)] for k in range(5)]
    levels = [10 * np.log10(float((part**2).mean()) + 1e-12) for part in parts]
    assert min(levels[0], levels[2], levels[4]) > max(levels[1], levels[3]) + 30
    assert _centre_hz(parts[2]) > 3500 > 1500 > _centre_hz(parts[0])
    assert not np.abs(sound[: int(0.19 * RATE_HZ)]).max() > 1e-3


def test_every_phoneme_is_known_and_a_stop_is_shut_first() -> None:
    for symbol in voices.SYMBOLS:
        assert np.abs(_mono(_truth(phonemes=(Phoneme(0.1, 0.3, symbol),), duration_s=0.4))).max() > 0.01, symbol
    sound = _mono(_truth(phonemes=(Phoneme(0.1, 0.3, "T"),), duration_s=0.4))
    shut, free = sound[int(0.11 * RATE_HZ) : int(0.2 * RATE_HZ)], sound[int(0.23 * RATE_HZ) : int(0.29 * RATE_HZ)]
    assert np.abs(shut).max() < 0.1 * np.abs(free).max()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recordings: three knocks of 1 kHz, each 200 ms long, and four seconds of noise that swells."""
    folder = tmp_path_factory.mktemp("sounds")
    rng = np.random.default_rng(0)
    time_s = np.arange(3 * RATE_HZ) / RATE_HZ
    knocks = np.zeros(3 * RATE_HZ)
    for start_s in (0.4, 1.3, 2.2):
        after = time_s - start_s
        knocks += np.where(after >= 0, np.sin(2 * np.pi * 1000 * after) * np.exp(-25 * after.clip(0)), 0)
    soundfile.write(folder / "knock.flac", 0.5 * knocks, RATE_HZ)
    swell = np.linspace(0.05, 0.2, 4 * RATE_HZ) * rng.standard_normal(4 * RATE_HZ)
    soundfile.write(folder / "hiss.flac", swell.clip(-1, 1), RATE_HZ)
    rows = ["path label caption category tier source_repo source_ref".replace(" ", "\t")]
    rows += [f"{name}.flac\t{name}\t{name}\timpacts_foley\t1\tmade\there{group}" for name, group in _groups().items()]
    (folder / "index.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def _groups() -> dict[str, str]:
    return {"knock": "", "hiss": ""}


def test_recordings_stand_in_at_the_true_times(folder: Path) -> None:
    times = (0.25, 0.9004, 1.6)
    events = tuple(Event(t, 0.9, 0.0, "strike", "wood", 0.4, 0) for t in times)
    truth = _truth(events, labels=(("no such", "knock"),), duration_s=2.5)
    library = SoundLibrary(folder)
    assert library.fits(("knock",))
    sound = sound_of(truth, library=library, recorded_share=1.0).samples.mean(axis=0)
    assert [_attack_s(sound.astype(np.float64), t) for t in times] == pytest.approx(times, abs=0.002)
    found, _ = detect_onsets(sound, RATE_HZ)
    assert found == pytest.approx(times, abs=0.01)
    power = np.abs(np.fft.rfft(sound[: 2 * RATE_HZ])) ** 2
    assert 1000 * 2**-0.21 < np.argmax(power) / 2 < 1000 * 2**0.21
    assert np.array_equal(sound, sound_of(truth, library=library, recorded_share=1.0).samples.mean(axis=0))
    assert np.array_equal(sound_of(truth, library=library, recorded_share=0.0).samples, sound_of(truth).samples)


def test_a_recorded_texture_lasts_and_follows_the_level(folder: Path) -> None:
    falling = Stretch(0.0, 6.0, "rain", ((0.0, 1.0), (6.0, 0.1)), (), 0)
    truth = _truth(stretches=(falling,), labels=(("hiss",),), duration_s=6.0)
    sound = sound_of(truth, library=SoundLibrary(folder), recorded_share=1.0).samples.mean(axis=0)
    levels = np.sqrt((sound.reshape(6, -1) ** 2).mean(axis=1))
    assert np.diff(levels).max() < 0
    assert levels[0] / levels[5] == pytest.approx(0.925 / 0.175, rel=0.4)


def test_labels_that_fit_nothing_leave_it_to_physics(folder: Path) -> None:
    truth = _truth((Event(0.2, 0.8, 0.0, "strike", "wood", 0.4, 0),), (_stretch("rain"),), labels=(("gong",),))
    library = SoundLibrary(folder)
    assert not library.fits(("gong",))
    assert np.array_equal(sound_of(truth, library=library, recorded_share=1.0).samples, sound_of(truth).samples)
