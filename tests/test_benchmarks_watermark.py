"""The watermark bench: its attacks keep what they should, and its meters read what they should."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from watermark_attacks import sixteen_bits
from watermark_quality import quality
from watermark_rows import ACCEPT, CORE, ROWS, chosen
from watermark_sounds import KINDS, make

from phonofilm.types import FloatArray, Waveform

RATE_HZ = 44100
SOUND = make("rain", 1.0, RATE_HZ, 0)
LENGTH = {"speed_1.1": 1 / 1.1, "tempo_1.1": 1 / 1.1, "pitch_-2": 1, "cut_10x20ms": 0.8, "loop_x2": 2, "pad_2s": 5}
"""How many times as long a sound is after it."""
RATE = {"rs_48000": 48000, "gsm_8k": 8000, "whatsappish": 16000}
QUICK = (
    "none mp3_128 aac_48 opus_24 vorbis_96 gsm_8k rs_48000 rs_8000 bits_8 lp_4k eq10_12dB cut_10x20ms speed_1.1 "
    "tempo_1.1 pitch_-2 loudnorm reverb_0.3 rerecord_0.2s_30dB white_20 mix_speech_0 mix_words_0 loop_x2 pad_2s "
    "whatsappish"
)


def after(attack: str, sound: Waveform = SOUND) -> Waveform:
    return ROWS[attack](sound, np.random.default_rng(0))


@pytest.mark.parametrize("attack", QUICK.split())
def test_attacks_keep_rate_and_length(attack: str) -> None:
    changed = after(attack)
    assert changed.rate_hz == RATE.get(attack, RATE_HZ)
    # Codecs pad to whole frames and do not always say so.
    assert float(changed.duration_s) == pytest.approx(LENGTH.get(attack, 1), abs=0.06)
    assert np.isfinite(changed.samples).all()
    assert np.sqrt((changed.samples**2).mean()) > 0.05 * np.sqrt((SOUND.samples**2).mean())


def test_mono_stays_mono() -> None:
    one = Waveform(SOUND.samples[:1], RATE_HZ)
    assert all(after(attack, one).channels == 1 for attack in ("mp3_128", "vorbis_96", "loudnorm", "tempo_1.1", "swap"))


def test_a_low_pass_leaves_nothing_above() -> None:
    spectrum = np.abs(np.fft.rfft(after("lp_4k").samples[0] * np.hanning(RATE_HZ)))
    assert spectrum[4200:].max() < 1e-4 * spectrum[:3900].max()


def test_noise_is_as_loud_as_its_name_says() -> None:
    noise = after("white_20").samples - SOUND.samples
    assert 10 * np.log10((SOUND.samples**2).mean() / (noise**2).mean()) == pytest.approx(20, abs=0.1)


def test_sets_name_known_attacks() -> None:
    assert set(ACCEPT) <= set(ROWS)
    assert set(CORE) <= set(ROWS)
    assert chosen("all") == list(ROWS)
    assert chosen("none,mono") == ["none", "mono"]
    with pytest.raises(SystemExit, match="no attack is called boiling"):
        chosen("boiling")


@pytest.mark.parametrize("kind", KINDS)
def test_made_sounds_follow_from_their_seed(kind: str) -> None:
    first, again, other = (make(kind, 1.0, 16000, seed).samples for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert 0.35 < np.abs(first).max() < 0.9


def test_eight_bits_have_256_steps() -> None:
    steps = sixteen_bits(Waveform(np.linspace(-2, 2, 9999, dtype=np.float32)[None], RATE_HZ), 8).samples
    assert len(np.unique(steps)) == 256


def _noisy(sound: FloatArray, db: float) -> FloatArray:
    noise = np.random.default_rng(1).standard_normal(sound.shape) * np.sqrt((sound**2).mean()) * 10 ** (db / 20)
    return (sound + noise).astype(np.float32)


def test_quality_measures_noise() -> None:
    near, far = (quality(SOUND.samples, _noisy(SOUND.samples, db), RATE_HZ) for db in (-40, -20))
    assert near.snr_db == pytest.approx(40, abs=0.1)
    assert far.segmental_db == pytest.approx(20, abs=1)
    assert far.nmr_db - near.nmr_db == pytest.approx(20, abs=0.5)
    assert far.worst_db >= far.nmr_db
    assert quality(SOUND.samples, SOUND.samples, RATE_HZ).nmr_db < -90


def test_a_tone_masks_its_neighbours_more_than_what_lies_far_below() -> None:
    time = np.arange(RATE_HZ) / RATE_HZ
    tone = (0.5 * np.sin(2 * np.pi * 1000 * time))[None].astype(np.float32)
    beside, below = (tone + (0.005 * np.sin(2 * np.pi * hz * time)).astype(np.float32) for hz in (1100, 300))
    assert quality(tone, below, RATE_HZ).nmr_db > quality(tone, beside, RATE_HZ).nmr_db + 10
