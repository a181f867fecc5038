"""What the field's networks are handed: sound at their rates, frames of their clocks, films beside their references."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clips import even_times, make_clip, numbers
from judge_networks import sweep
from phonofilm.encoders.resize import short_edge_pixels, sync_pixels
from phonofilm.errors import InputError, MediaError
from phonofilm.evaluate.official_inputs import pictures, resample, sound
from phonofilm.evaluate.official_pairs import pair_up
from phonofilm.media.suffixes import FILM_SUFFIXES, SOUND_SUFFIXES


def write(path: Path, samples: np.ndarray, rate_hz: int = 16_000) -> Path:
    soundfile.write(path, samples.T, rate_hz, subtype="FLOAT")
    return path


@pytest.mark.parametrize(("old", "new"), [(44_100, 16_000), (48_000, 16_000), (44_100, 32_000), (16_000, 48_000)])
def test_resampling_keeps_what_both_rates_hold(old: int, new: int) -> None:
    def tone(rate_hz: int) -> torch.Tensor:
        return torch.sin(2 * torch.pi * 1_000 * torch.arange(rate_hz, dtype=torch.float64) / rate_hz).float()

    made = resample(tone(old), old, new)
    assert made.shape == (new,)
    inside = slice(200, new - 200)
    assert float((made - tone(new))[inside].abs().max()) < 2e-3


def test_resampling_against_torchaudio() -> None:
    made = resample(sweep(44_100, 0.1), 44_100, 16_000)
    assert made.shape == (1_600,)
    wanted = [0.03585, 0.23549, -0.47015, 0.03017, -0.01477]
    assert [float(made[i]) for i in (0, 7, 500, 1234, 1599)] == pytest.approx(wanted, abs=1e-4)


@given(st.integers(1, 5000), st.sampled_from([(44_100, 16_000), (22_050, 32_000), (48_000, 44_100)]))
@settings(max_examples=20)
def test_resampled_length_is_rounded_up(count: int, rates: tuple[int, int]) -> None:
    old, new = rates
    assert len(resample(torch.ones(count), old, new)) == -(-count * new // old)
    assert resample(torch.ones(count), old, old) is not None


def test_sound_is_averaged_centred_and_cut(tmp_path: Path) -> None:
    left, right = (np.random.default_rng(seed).normal(0.1, 0.1, 3 * 16_000).astype(np.float32) for seed in (1, 2))
    path = write(tmp_path / "a.wav", np.stack([left, right]))
    mono = (left + right) / 2
    heard = sound(path, 16_000, 2.0)
    assert heard.shape == (32_000,)
    assert np.allclose(heard, (mono - mono.mean())[:32_000], atol=1e-5)
    assert np.allclose(sound(path, 16_000, 2.0, left=True, centred=False), left[:32_000], atol=1e-6)
    with pytest.raises(MediaError, match=r"3\.00 s of sound and 4 s are compared"):
        sound(path, 16_000, 4.0)


def test_sound_of_a_film_begins_with_its_picture(tmp_path: Path) -> None:
    film = make_clip(tmp_path / "a.mp4", even_times(75, Fraction(25)), sound="stereo", click_s=1.0)
    heard = sound(film, 16_000, 3.0, centred=False)
    assert heard.shape == (48_000,)
    assert abs(int(heard.abs().argmax()) / 16_000 - 1.0) < 0.03
    with pytest.raises(MediaError, match="has no sound"):
        sound(make_clip(tmp_path / "b.mp4"), 16_000, 1.0)


@pytest.mark.parametrize("film_hz", [Fraction(10), Fraction(24), Fraction(30_000, 1001), Fraction(60)])
@pytest.mark.parametrize("rate_hz", [Fraction(25), Fraction(1, 2)])
def test_frames_are_the_last_before_half_a_step_later(tmp_path: Path, film_hz: Fraction, rate_hz: Fraction) -> None:
    times = even_times(int(4.2 * film_hz), film_hz)
    film = make_clip(tmp_path / "a.mp4", times)
    found = numbers(pictures(film, rate_hz, 4.0, lambda rgb: rgb).numpy())
    instants = [(k + Fraction(1, 2)) / rate_hz for k in range(int(4 * rate_hz))]
    # Containers round the times of frames; none of these is nearer to an instant than that.
    wanted = [max(i for i, time in enumerate(times) if time < instant - Fraction(1, 20_000)) for instant in instants]
    assert found == [number % 256 for number in wanted]


def test_a_short_picture_is_an_error(tmp_path: Path) -> None:
    film = make_clip(tmp_path / "a.mp4", even_times(50, Fraction(25)))
    with pytest.raises(MediaError, match=r"picture of 2\.00 s and 3 s are compared"):
        pictures(film, Fraction(25), 3.0, sync_pixels)


def test_the_shorter_edge_is_kept_and_the_centre_is_its_middle() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (90, 160, 3), dtype=np.uint8)
    whole = short_edge_pixels(rgb, 224)
    assert whole.shape == (224, 398, 3)
    assert np.array_equal(sync_pixels(rgb), whole[:, 87:311])
    assert short_edge_pixels(rgb.transpose(1, 0, 2).copy(), 224).shape == (398, 224, 3)


def folders(tmp_path: Path, made: list[str], real: list[str]) -> tuple[Path, Path]:
    for folder, names in (("made", made), ("real", real)):
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / name).write_bytes(b"")
    return tmp_path / "made", tmp_path / "real"


def test_pairs_have_one_name_and_any_ending(tmp_path: Path) -> None:
    made, real = folders(tmp_path, ["b.mp4", "a.wav", "notes.txt"], ["a.mp4", "b.wav", "c.wav"])
    pairs = pair_up([made], real)
    assert [(pair.name, pair.made.name, pair.real.name) for pair in pairs] == [
        ("a", "a.wav", "a.mp4"),
        ("b", "b.mp4", "b.wav"),
    ]
    assert [pair.picture and pair.picture.name for pair in pairs] == ["a.mp4", "b.mp4"]
    assert pair_up([made / "b.mp4", made / "a.wav"], real) == pairs


@pytest.mark.parametrize("suffix", [*SOUND_SUFFIXES, *FILM_SUFFIXES, ".OPUS"])
def test_everything_that_is_media_is_taken_from_a_folder(tmp_path: Path, suffix: str) -> None:
    """Films give their picture; of sounds none is looked for."""
    made, real = folders(tmp_path, [f"a{suffix}", "notes.txt"], ["a.wav"])
    (pair,) = pair_up([made], real)
    assert pair.made.name == f"a{suffix}"
    assert (pair.picture is None) == (suffix.lower() in SOUND_SUFFIXES)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_captions_join_the_pairs(tmp_path: Path, encoding: str) -> None:
    made, real = folders(tmp_path, ["a.wav"], ["a.wav"])
    table = tmp_path / "words.tsv"
    table.write_text("name\tcaption\na\ta dog barks\n\nother\tsomething\n", encoding=encoding)
    assert pair_up([made], real, table)[0].caption == "a dog barks"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "begins with '' and not with"),
        ("file\ttext\n", "begins with 'file\\\\ttext' and not with"),
        ("name\tcaption\na\n", "line 2: a name, a tab and a caption are wanted"),
        ("name\tcaption\na\tb\na\tc\n", "line 3: 'a' comes twice"),
        ("name\tcaption\nb\tc\n", "has no caption for a"),
    ],
)
def test_wrong_captions_are_told(tmp_path: Path, text: str, said: str) -> None:
    made, real = folders(tmp_path, ["a.wav"], ["a.wav"])
    table = tmp_path / "words.tsv"
    table.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        pair_up([made], real, table)


def test_what_has_no_partner_is_told(tmp_path: Path) -> None:
    made, real = folders(tmp_path, ["a.wav", "b.wav"], ["a.wav"])
    with pytest.raises(InputError, match=r"1 of 2 have no reference of the same name .*b\.wav"):
        pair_up([made], real)
    with pytest.raises(InputError, match="is no folder"):
        pair_up([made], real / "a.wav")
    with pytest.raises(InputError, match="does not exist"):
        pair_up([made / "x.wav"], real)
    (made / "a.mp4").write_bytes(b"")
    with pytest.raises(InputError, match="have the same name"):
        pair_up([made], real)
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="no film and no sound"):
        pair_up([tmp_path / "none"], real)
