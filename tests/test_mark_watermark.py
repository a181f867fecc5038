"""Marking sound and finding the mark again: what is changed, what is not, and what is survived."""

import io
from functools import cache

import av
import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

from phonofilm.errors import OptionError
from phonofilm.mark.chance import FALSE_POSITIVES, log_chance
from phonofilm.mark.detect import Detection, Detector, detect
from phonofilm.mark.embed import Marked, Marker, mark
from phonofilm.mark.grid import BANDS, PERIOD_SLOTS
from phonofilm.mark.key import PUBLIC_KEY, pattern, secret_key
from phonofilm.mark.masking import BLOCK_S
from phonofilm.mark.payload import Payload
from phonofilm.media.audio import resample
from phonofilm.types import FloatArray, Waveform

PAYLOAD = Payload(model=1, month=34, take=0x3FA2)
OTHER = Payload(model=2, month=35, take=7)
OWN_KEY = secret_key(b"sixteen bytes or more")


def scene(seconds: float, rate_hz: int = 44_100, channels: int = 2, seed: int = 0) -> Waveform:
    """Hits, a hum and a breeze: some of everything."""
    random = np.random.default_rng(seed)
    count = round(seconds * rate_hz)
    time = np.arange(count) / rate_hz
    noise = scipy.signal.lfilter([0.2], [1, -0.8], random.standard_normal((channels, count)))
    hits = np.zeros(count)
    for start in np.arange(0.3, seconds, 0.7):
        after = np.maximum(time - start, 0)
        hits += (time >= start) * np.exp(-after / 0.08) * random.standard_normal(count)
    hum = sum(np.sin(2 * np.pi * 220 * k * time) / k for k in range(1, 9))
    sound = 0.02 * noise + 0.3 * hits + 0.02 * hum
    return Waveform((0.5 * sound / np.abs(sound).max()).astype(np.float32), rate_hz)


@cache
def plain() -> Waveform:
    return scene(5)


@cache
def marked() -> Marked:
    return mark(plain(), PAYLOAD)


def coded(sound: Waveform, codec: str, bits_a_second: int) -> Waveform:
    """Through a lossy codec and back."""
    file = io.BytesIO()
    rate_hz = 48_000 if codec == "libopus" else sound.rate_hz
    sound = resample(sound, rate_hz)
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream(codec, rate=rate_hz, layout="stereo")
        stream.bit_rate = bits_a_second
        frame = av.AudioFrame.from_ndarray(sound.samples, format="fltp", layout="stereo")
        frame.sample_rate = rate_hz
        fifo = av.AudioFifo()
        fifo.write(frame)
        for piece in fifo.read_many(stream.codec_context.frame_size or 1024, partial=True):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    file.seek(0)
    resampler = av.AudioResampler(format="fltp", layout="stereo", rate=rate_hz)
    with av.open(file) as container:
        frames = [piece.to_ndarray() for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
    return Waveform(np.concatenate(frames, 1), rate_hz)


def says(found: Detection, payload: Payload = PAYLOAD) -> bool:
    return found.marked and found.payload == payload


def test_a_mark_is_found_and_read_and_says_where_it_is() -> None:
    found = detect(marked().sound)
    assert says(found)
    assert found.log10_chance < -20
    assert (found.key, found.tempo, found.semitones) == ("public", 1.0, 0.0)
    assert found.spans[0].start_s == 0
    assert found.spans[-1].end_s == pytest.approx(5, abs=0.01)


def test_what_is_not_marked_is_not_found() -> None:
    found = detect(plain())
    assert not found.marked
    assert found.payload is None
    assert found.spans == ()
    assert found.log10_chance > np.log10(FALSE_POSITIVES)
    assert not detect(marked().sound, (OWN_KEY,)).marked


def test_the_change_is_small_and_does_not_clip() -> None:
    before, after = plain().samples, marked().sound.samples
    assert after.shape == before.shape
    assert after.dtype == np.float32
    change = after - before
    assert 10 * np.log10((before**2).sum() / (change**2).sum()) > 20
    assert np.abs(after).max() <= 1
    assert all(marked().markable)


def test_full_scale_is_not_passed() -> None:
    loud = Waveform(np.clip(scene(2, seed=3).samples * 40, -1, 1), 44_100)
    assert np.abs(mark(loud, PAYLOAD).sound.samples).max() <= 1


def test_sound_that_stands_at_full_scale_keeps_its_mark() -> None:
    loud = np.clip(plain().samples * 8, -1, 1)
    at_the_top = np.abs(loud) == 1
    assert at_the_top.mean() > 0.01
    done = mark(Waveform(loud, 44_100), PAYLOAD).sound.samples
    assert np.abs(done).max() <= 1
    assert detect(Waveform(done, 44_100)).score > 0.8 * detect(marked().sound).score


@pytest.mark.parametrize(("codec", "rate"), [("libmp3lame", 128_000), ("aac", 128_000), ("libopus", 64_000)])
def test_it_survives_codecs(codec: str, rate: int) -> None:
    assert says(detect(coded(marked().sound, codec, rate)))


def attack_gain(sound: Waveform) -> Waveform:
    return Waveform(sound.samples * np.float32(0.03), sound.rate_hz)


def attack_mono(sound: Waveform) -> Waveform:
    return Waveform(sound.samples.mean(0, keepdims=True), sound.rate_hz)


def attack_narrow(sound: Waveform) -> Waveform:
    return resample(resample(sound, 16_000), 44_100)


def attack_crop(sound: Waveform) -> Waveform:
    return Waveform(np.ascontiguousarray(sound.samples[:, 40_001:-50_003]), sound.rate_hz)


def attack_speed(sound: Waveform) -> Waveform:
    return Waveform(resample(sound, 40_000).samples, 44_100)


def without_pieces(sound: Waveform, first: int, every: int) -> Waveform:
    """20 ms cut out at sample `first` and again and again."""
    drop = round(0.02 * sound.rate_hz)
    keep = np.ones(sound.samples.shape[1], bool)
    for start in range(first, sound.samples.shape[1], every):
        keep[start : start + drop] = False
    return Waveform(np.ascontiguousarray(sound.samples[:, keep]), sound.rate_hz)


def attack_cuts(sound: Waveform) -> Waveform:
    return without_pieces(sound, 60_000, 80_000)


def attack_many_cuts(sound: Waveform) -> Waveform:
    return without_pieces(sound, 20_000, 25_000)


def attack_few_bits(sound: Waveform) -> Waveform:
    return Waveform((np.round(sound.samples * 128) / 128).astype(np.float32), sound.rate_hz)


def attack_equaliser(sound: Waveform) -> Waveform:
    taps = scipy.signal.firwin2(511, [0, 500, 2000, 8000, 22_050], [2, 0.5, 2, 0.5, 1], fs=sound.rate_hz)
    return Waveform(scipy.signal.fftconvolve(sound.samples, taps[None], axes=1, mode="same").astype(np.float32), 44_100)


ATTACKS = [
    *(attack_gain, attack_mono, attack_narrow, attack_crop, attack_speed),
    *(attack_cuts, attack_many_cuts, attack_few_bits, attack_equaliser),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__.removeprefix("attack_"))
def test_it_survives(attack: object) -> None:
    assert callable(attack)
    found = detect(attack(marked().sound))
    assert says(found)
    if attack is attack_speed:
        assert found.tempo == pytest.approx(1.1025, abs=0.002)
        assert found.semitones == pytest.approx(1.69, abs=0.4)


@pytest.mark.parametrize(("rate_hz", "channels"), [(16_000, 1), (48_000, 2), (96_000, 1)])
def test_any_rate_and_number_of_channels(rate_hz: int, channels: int) -> None:
    sound = scene(4, rate_hz, channels)
    assert says(detect(mark(sound, PAYLOAD).sound))


def test_silence_stays_silent_and_is_told() -> None:
    silent = Waveform(np.zeros((2, 44_100 * 3), np.float32), 44_100)
    done = mark(silent, PAYLOAD)
    assert not done.carries
    assert np.array_equal(done.sound.samples, silent.samples)
    found = detect(done.sound)
    assert (found.marked, found.log10_chance) == (False, 0.0)


def test_gaps_between_hits_stay_empty() -> None:
    time = np.arange(44_100 * 4) / 44_100
    hits = np.zeros(len(time))
    random = np.random.default_rng(5)
    for start in (0.5, 2.5):
        inside = (time >= start) & (time < start + 0.2)
        hits[inside] = random.standard_normal(inside.sum()) * np.exp(-(time[inside] - start) / 0.03) * 0.3
    done = mark(Waveform(hits[None].astype(np.float32), 44_100), PAYLOAD)
    changed = done.sound.samples[0] != hits.astype(np.float32)
    near = scipy.ndimage.binary_dilation(hits != 0, iterations=round(BLOCK_S * 44_100))
    assert changed.any()
    assert not (changed & ~near).any()
    assert done.markable[0]
    assert not done.markable[3]


@pytest.mark.thorough
def test_blocks_of_any_size_come_out_as_when_marked_whole() -> None:
    sound, whole = long_sound(), long_marked()
    marker = Marker(16_000, 1, PAYLOAD)
    parts, first = [], 0
    for size in (1, 400_000, 77, 160_001, sound.samples.shape[1]):
        parts.append(marker.feed(sound.samples[:, first : first + size]))
        first += size
    parts.append(marker.finish())
    assert np.array_equal(np.concatenate(parts, 1), whole.sound.samples)
    assert marker.markable == whole.markable


def long_sound() -> Waveform:
    """Longer than what is marked at a time."""
    return scene(36, 16_000, 1, seed=4)


@cache
def long_marked() -> Marked:
    return mark(long_sound(), PAYLOAD)


def test_a_detector_fed_in_blocks_says_the_same() -> None:
    sound = long_marked().sound
    detector = Detector(16_000)
    for first in range(0, sound.samples.shape[1], 70_001):
        detector.feed(sound.samples[:, first : first + 70_001])
    assert detector.finish() == detect(sound)


def test_seconds_of_two_takes_in_a_film_of_others_are_told_apart() -> None:
    parts = [scene(4, 16_000, 1, seed) for seed in range(4)]
    parts[1], parts[3] = mark(parts[1], PAYLOAD).sound, mark(parts[3], OTHER).sound
    film = Waveform(np.concatenate([part.samples for part in parts], 1), 16_000)
    found = detect(film)
    spans = [span for span in found.spans if span.end_s - span.start_s > 1]
    assert [span.payload for span in spans] == [PAYLOAD, OTHER]
    for span, (start_s, end_s) in zip(spans, [(4, 8), (12, 16)], strict=True):
        assert span.start_s == pytest.approx(start_s, abs=1)
        assert span.end_s == pytest.approx(end_s, abs=1)


def test_stems_that_begin_alike_in_the_pattern_are_found_in_their_mix() -> None:
    first = mark(scene(5, seed=6), PAYLOAD)
    second = mark(scene(5, seed=7), PAYLOAD, first_slot=first.first_slot)
    assert says(detect(Waveform(first.sound.samples + second.sound.samples, 44_100)))


def test_an_own_key_marks_for_those_who_hold_it() -> None:
    sound = mark(plain(), PAYLOAD, OWN_KEY).sound
    assert not detect(sound).marked
    found = detect(sound, (PUBLIC_KEY, OWN_KEY))
    assert says(found)
    assert found.key == "secret"
    with pytest.raises(OptionError, match="16"):
        secret_key(b"short")
    with pytest.raises(OptionError, match="no key"):
        Detector(44_100, ())


def test_sound_below_eight_kilohertz_is_refused() -> None:
    with pytest.raises(OptionError, match="6000 Hz"):
        mark(Waveform(np.zeros((1, 6000), np.float32), 6000), PAYLOAD)


def test_patterns_of_two_keys_have_nothing_in_common() -> None:
    one, other = pattern(PUBLIC_KEY), pattern(OWN_KEY)
    assert one.signs.shape == (BANDS, PERIOD_SLOTS)
    assert abs(float((one.signs * other.signs).mean())) < 0.06
    counts = np.bincount(one.coded[one.coded >= 0])
    assert counts.max() - counts.min() <= 2


@given(st.floats(0, 40), st.floats(0, 60))
def test_the_bound_is_a_chance_and_falls_with_the_score(score: float, log_trials: float) -> None:
    bound = log_chance(score, log_trials)
    assert bound <= 0
    assert log_chance(score + 0.5, log_trials) <= bound
    assert bound >= -(score**2) / 2 - 1.2 * np.log1p(score) - 3


def test_the_statistic_stays_under_its_bound() -> None:
    """Unmarked sound under 300 keys: how often a score passes a level, against the bound for one look."""
    random = np.random.default_rng(8)
    evidence = random.laplace(size=(BANDS, PERIOD_SLOTS)).clip(-2.5, 2.5)
    scores = []
    for number in range(300):
        presence = pattern(secret_key(b"a secret of some length" + bytes([number % 256, number // 256]))).presence
        used: FloatArray = np.asarray(evidence[presence != 0], np.float32)
        scores.append(float((evidence * presence).sum() / np.sqrt((used**2).sum())))
    for level in (1.0, 2.0, 2.5):
        assert np.mean(np.array(scores) >= level) <= np.exp(log_chance(level, 0.0)) + 0.02
