"""Sound of a piece: notes at their pitch, the whole as long as the picture, below full scale, silent at its end."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pretty_midi")

from phonofilm.errors import InputError, MissingExtraError
from phonofilm.score import soundfont
from phonofilm.score.compose import compose
from phonofilm.score.piece import Hit, Note
from phonofilm.score.render import RATE_HZ, render
from phonofilm.score.room import impulse_response, panned, reverberate
from phonofilm.score.sampler import play
from phonofilm.score.soundfont import SoundFont, font_path, load_font
from score_requests import mood_reader, request


@pytest.fixture(scope="module")
def font() -> SoundFont:
    return load_font(font_path())


def pitch_hz(sound: np.ndarray, near_hz: float) -> float:
    """The frequency of the strongest partial within a semitone of a frequency."""
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 4 * len(sound)))
    frequencies = np.fft.rfftfreq(4 * len(sound), 1 / RATE_HZ)
    band = (frequencies > near_hz / 1.06) & (frequencies < near_hz * 1.06)
    return float(frequencies[band][np.argmax(power[band])])


@pytest.mark.parametrize("programme", [0, 24, 48, 56, 73])
@pytest.mark.parametrize("pitch", [60, 69, 76])
def test_notes_have_their_pitch(programme: int, pitch: int, font: SoundFont) -> None:
    sound = play(font, [Note(0.0, 1.2, pitch, 100)], programme, False, RATE_HZ, RATE_HZ)[0]
    wanted_hz = 440 * 2 ** ((pitch - 69) / 12)
    assert 1200 * abs(np.log2(pitch_hz(sound[RATE_HZ // 5 :], wanted_hz) / wanted_hz)) < 25


def test_notes_begin_and_end_on_time_and_louder_ones_are_louder(font: SoundFont) -> None:
    sound = play(font, [Note(0.5, 1.0, 67, 60), Note(1.5, 2.0, 67, 120)], 61, False, 3 * RATE_HZ, RATE_HZ)
    level = np.abs(sound).max(axis=0).reshape(-1, RATE_HZ // 100).max(axis=1)
    assert level[:49].max() < 1e-6 < level[50:55].max()
    assert level[150:200].max() > 2 * level[50:100].max()
    assert level[-20:].max() < 0.1 * level[150:200].max()


def test_parts_add_up(font: SoundFont) -> None:
    notes = [Note(0.1, 0.6, 60, 80), Note(0.4, 0.9, 64, 80), Note(0.7, 1.2, 67, 80)]
    together = play(font, notes, 48, False, 2 * RATE_HZ, RATE_HZ)
    alone = sum(play(font, [note], 48, False, 2 * RATE_HZ, RATE_HZ) for note in notes)
    np.testing.assert_allclose(together, alone, atol=1e-4)


@pytest.mark.thorough
def test_a_piece_ends_with_its_picture() -> None:
    asked = request(8.04, (2.9, 5.1), (Hit(4.0, 0.9),))
    piece = compose(asked, mood_reader()("action music"), 3)
    sound = render(piece)
    assert sound.rate_hz == RATE_HZ
    assert sound.samples.shape == (2, round(8.04 * RATE_HZ))
    assert 0.5 < np.abs(sound.samples).max() < 0.9
    frame = RATE_HZ // 25
    assert np.abs(sound.samples[:, -2 * frame : -frame // 2]).max() > 1e-3 * np.abs(sound.samples).max()
    assert np.abs(sound.samples[:, -4:]).max() < 1e-3
    assert np.abs(sound.samples[0] - sound.samples[1]).max() > 0.01
    np.testing.assert_array_equal(render(piece).samples, sound.samples)


def test_a_room_keeps_energy_and_a_bigger_one_rings_longer() -> None:
    small, large = (impulse_response(size, RATE_HZ) for size in (0.1, 1.0))
    for response in (small, large):
        np.testing.assert_allclose((response**2).sum(axis=1), 1, rtol=1e-4)
    assert large.shape[1] > 3 * small.shape[1]
    click = np.zeros((2, 2000), np.float32)
    click[:, 0] = 1
    np.testing.assert_allclose(reverberate(click, 0.1, RATE_HZ), small[:, :2000], atol=1e-5)


def test_seats_are_heard_on_their_side() -> None:
    sound = np.ones((2, 10), np.float32)
    left, middle = panned(sound, -0.8), panned(sound, 0.0)
    assert left[0, 0] > 3 * left[1, 0]
    assert middle[0, 0] == pytest.approx(middle[1, 0])
    assert (left**2).sum() == pytest.approx((middle**2).sum(), rel=1e-5)


def test_a_missing_font_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soundfont, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'phonofilm\[music\]'"):
        font_path()


def test_what_is_no_font_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.sf2"
    for content in (b"", b"RIFF\0\0\0\0sfbk", b"RIFF\0\0\0\0sfbkLIST\0\0\0\0pdtaphdr\4\0\0\0abcd"):
        broken.write_bytes(content)
        load_font.cache_clear()
        with pytest.raises(InputError, match="no SoundFont 2"):
            load_font(broken)
    with pytest.raises(InputError, match="cannot be read"):
        load_font(tmp_path / "missing.sf2")
