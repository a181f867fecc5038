"""The cue finder's plumbing: clocks, mirror images, pieces and files. What it finds is measured, not tested."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from phonofilm.encoders.cue_features import CLOCK_HZ, FIELDS, between, features_of, hand_events
from phonofilm.encoders.cue_finder import CueFinder, FoundCues, Heat
from phonofilm.encoders.cue_network import CueFinderConfig, CueNetwork, read_cue_network, save_cue_finder, together
from phonofilm.encoders.motion import Motion
from phonofilm.errors import ModelError

CONFIG = CueFinderConfig(
    contacts=("strike", "step"),
    fine=3,
    look=4,
    near=4,
    block=4,
    coarse=6,
    slots=2,
    slot=3,
    width=16,
    dilations=(1, 2, 4),
    threshold=0.4,
)


def moving(times_s: np.ndarray, seed: int = 0, rows: int = 6, columns: int = 10) -> Motion:
    """Random motion at given instants."""
    generator = np.random.default_rng(seed)
    pairs = len(times_s) - 1
    blocks = {name: 0.2 * generator.normal(size=(pairs, rows, columns)).astype(np.float32) for name in FIELDS}
    for name in ("fastest", "change", "unexplained"):
        blocks[name] = np.abs(blocks[name])
    camera = 0.1 * generator.normal(size=(pairs, 4)).astype(np.float32)
    level = generator.uniform(60, 160, len(times_s)).astype(np.float32)
    pictures = generator.integers(0, 256, (pairs + 1, 4 * rows + 2, 4 * columns + 1), np.uint8)
    cut = np.zeros(pairs, bool)
    return Motion(np.asarray(times_s, np.float64), **blocks, camera=camera, level=level, cut=cut, pictures=pictures)


def with_blocks(motion: Motion, blocks: dict[str, np.ndarray]) -> Motion:
    return replace(motion, **blocks)


@pytest.fixture(scope="module")
def network() -> CueNetwork:
    torch.manual_seed(1)
    network = CueNetwork(CONFIG)
    torch.nn.init.constant_(network.curves.bias, 0.0)  # so that something is found
    return network.eval()


@settings(max_examples=20)
@given(rate_hz=st.floats(8, 60), drop=st.floats(0, 0.4), seed=st.integers(0, 100))
def test_every_point_in_the_film_is_covered_by_the_pairs_there(rate_hz: float, drop: float, seed: int) -> None:
    times_s = np.arange(int(2 * rate_hz)) / rate_hz
    times_s = times_s[np.random.default_rng(seed).random(len(times_s)) >= drop]
    if len(times_s) < 3:
        return
    told = features_of(moving(times_s), None, 0.0, 3 * CLOCK_HZ, torch.float32)
    covered = told.spread.sum(1).numpy()
    points_s = np.arange(3 * CLOCK_HZ) / CLOCK_HZ
    inside = (points_s > times_s[0]) & (points_s < times_s[-1])
    np.testing.assert_allclose(covered[inside], 1, atol=1e-5)
    assert not covered[points_s > times_s[-1] + 1 / CLOCK_HZ].any()
    # A pair speaks only where its own time is: the mean instant told is never a step off.
    middles_s = (times_s[1:] + times_s[:-1]) / 2
    longest_s = np.diff(times_s).max()
    told_s = told.spread.numpy() @ middles_s
    assert np.abs(told_s - points_s)[inside].max() <= longest_s / 2 + 1 / CLOCK_HZ
    assert torch.isfinite(told.blocks).all()
    assert torch.isfinite(told.clock).all()


def test_an_unchanging_motion_is_told_alike_at_every_rate() -> None:
    def told(rate_hz: float) -> torch.Tensor:
        times_s = np.arange(int(2 * rate_hz) + 1) / rate_hz
        motion = moving(times_s)
        still = with_blocks(motion, dict.fromkeys(FIELDS, np.full_like(motion.right, 0.1)))
        features = features_of(still, None, 0.0, CLOCK_HZ, torch.float32)
        return features.spread @ features.blocks.flatten(1)

    torch.testing.assert_close(told(12), told(50))


def test_place_follows_what_is_attended_to(network: CueNetwork) -> None:
    motion = moving(np.arange(30) / 25)
    calm = dict.fromkeys(FIELDS, np.zeros_like(motion.right))
    spot = np.zeros_like(motion.right)
    spot[:, 2:4, 8:] = 20.0
    answers = [
        network(
            together([features_of(with_blocks(motion, calm | {"change": part}), None, 0.0, 40, torch.float32)])
        ).place
        for part in (spot, spot[:, :, ::-1])
    ]
    assert not torch.allclose(answers[0], answers[1])
    assert all(answer.abs().max() <= 1 for answer in answers)


def test_pictures_count_only_where_they_are_shown(network: CueNetwork) -> None:
    motion = moving(np.arange(30) / 25)
    other = replace(motion, pictures=255 - motion.pictures)
    shown, hidden = (
        [network(together([features_of(film, None, 0.0, 40, torch.float32, seen)])).heat for film in (motion, other)]
        for seen in (True, False)
    )
    assert not torch.allclose(shown[0], shown[1])
    torch.testing.assert_close(hidden[0], hidden[1])
    assert not torch.allclose(shown[0], hidden[0])


def test_two_networks_agree_on_the_mean_of_their_log_odds(network: CueNetwork) -> None:
    torch.manual_seed(2)
    blind = CueNetwork(replace(CONFIG, fine=0, look=0))
    motion = moving(np.arange(60) / 25, seed=5)
    hand = hand_events(motion)
    curves = [CueFinder(*nets).heat(motion, hand, 120).curves for nets in ((network,), (blind,), (network, blind))]
    odds = [np.log(heat / (1 - heat)) for heat in (part[0].astype(np.float64) for part in curves)]
    np.testing.assert_allclose(odds[2], (odds[0] + odds[1]) / 2, atol=1e-4)
    np.testing.assert_allclose(curves[2][2:], (curves[0][2:] + curves[1][2:]) / 2, atol=1e-5)
    assert (curves[2][1] <= np.maximum(curves[0][1], curves[1][1]) + 1e-5).all()
    assert (curves[2][1] >= np.minimum(curves[0][1], curves[1][1]) - 1e-5).all()
    same = CueFinder(network, network).heat(motion, hand, 120).curves
    np.testing.assert_allclose(same, curves[0], atol=1e-5)


def test_a_batch_answers_as_its_clips_do(network: CueNetwork) -> None:
    clips = [
        features_of(moving(np.arange(count) / rate), None, 0.0, 60, torch.float32)
        for count, rate in ((20, 15), (70, 60))
    ]
    with torch.inference_mode():
        both = network(together(clips))
        alone = [network(together([clip])) for clip in clips]
    torch.testing.assert_close(both.heat, torch.cat([one.heat for one in alone]), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(both.contact, torch.cat([one.contact for one in alone]), rtol=1e-4, atol=1e-4)


def test_a_long_clip_in_pieces_is_found_as_in_one(network: CueNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    motion, finder = moving(np.arange(160) / 20, seed=3), CueFinder(network)
    whole = finder.find(motion, 8.0)
    monkeypatch.setattr("phonofilm.encoders.cue_finder.PIECE_S", 2.0)
    pieces = finder.find(motion, 8.0)
    np.testing.assert_allclose(pieces.times_s, whole.times_s, atol=1e-3)
    np.testing.assert_allclose(pieces.activity, whole.activity, atol=1e-3)
    assert len(whole.activity) == 8 * CLOCK_HZ + 1


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_very_short_clips_have_cues_too(network: CueNetwork, count: int) -> None:
    times_s = np.arange(count) / 25
    motion = (
        moving(times_s) if count else replace(moving(np.arange(1.0)), times_s=times_s, level=np.zeros(0, np.float32))
    )
    found = CueFinder(network).find(motion, 0.2)
    curves = found.curves(Fraction(44100, 512), 18)
    assert curves.onset.shape == (18,)
    assert np.isfinite(curves.activity).all()
    assert len(hand_events(motion)[0]) <= 1


def test_events_stand_in_the_curves_with_their_own_place() -> None:
    one = np.ones(1, np.float32)
    found = FoundCues(
        0.507 * one, one, 0.5 * one, -0.8 * one, ("strike",), np.zeros(51, np.float32), np.ones(51, np.float32)
    )
    curves = found.curves(Fraction(100), 100)
    assert curves.onset.argmax() in (50, 51)
    assert curves.onset.max() == pytest.approx(0.6, abs=0.05)
    assert curves.place[51] == pytest.approx(-0.8)
    assert curves.place[20] == 1


def test_times_are_those_of_the_pairs_kept() -> None:
    motion = moving(np.arange(100) / 25)
    part = between(motion, 1.0, 2.0)
    assert part.times_s[0] <= 1.0
    assert part.times_s[-1] >= 2.0
    assert len(part.right) == len(part.times_s) - 1 == len(part.camera)
    assert len(between(motion, 9.0, 10.0).times_s) == 3


def test_weights_come_back_from_a_file(network: CueNetwork, tmp_path: Path) -> None:
    path = tmp_path / "cues.safetensors"
    save_cue_finder(network, path)
    again = read_cue_network(path)
    assert again.config == CONFIG
    for key, value in network.named_parameters():
        torch.testing.assert_close(again.state_dict()[key], value, rtol=1e-3, atol=1e-3)


def test_large_matrices_come_back_to_half_a_step(tmp_path: Path) -> None:
    torch.manual_seed(3)
    wide = CueNetwork(replace(CONFIG, width=64))
    save_cue_finder(wide, tmp_path / "cues.safetensors")
    again = read_cue_network(tmp_path / "cues.safetensors").state_dict()
    for key, value in wide.named_parameters():
        most = value.flatten(1).abs().amax(1) if value.dim() > 1 else value.abs()
        off = (again[key] - value).abs()
        assert (off.flatten(1).amax(1) if value.dim() > 1 else off).le(0.51 * most / 127 + 1e-3 * most + 1e-6).all()


def test_a_file_that_does_not_fit_is_named(network: CueNetwork, tmp_path: Path) -> None:
    path = tmp_path / "cues.safetensors"
    with pytest.raises(ModelError, match="cannot be read"):
        CueFinder.load(path)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(ModelError, match="no readable config"):
        CueFinder.load(path)
    save_file({"x": torch.zeros(1)}, path, metadata={"config": json.dumps({"near": 4})})
    with pytest.raises(ModelError, match="another version"):
        CueFinder.load(path)
    save_cue_finder(network, path)
    bigger = CueNetwork(replace(CONFIG, width=32))
    save_file({k: v.half() for k, v in bigger.named_parameters()}, path, metadata={"config": json.dumps(vars(CONFIG))})
    with pytest.raises(ModelError, match="other weights"):
        CueFinder.load(path)


def found_in(
    monkeypatch: pytest.MonkeyPatch,
    network: CueNetwork,
    peaks: dict[float, float],
    hand_s: list[float],
    rate_hz: float = 25.0,
) -> FoundCues:
    """What is made of a clip of 4 s whose heat has peaks (time → height) and that the hand-made curves see so."""
    points_s = np.arange(4 * CLOCK_HZ + 1) / CLOCK_HZ
    curves = np.zeros((5 + len(CONFIG.contacts) + 1, len(points_s)), np.float32)
    for time_s, height in peaks.items():
        curves[0] = np.maximum(curves[0], height * np.exp(-0.5 * ((points_s - time_s) / 0.025) ** 2))
        near = np.abs(points_s - time_s) < 0.05
        curves[1, near] = (time_s - points_s[near]) * CLOCK_HZ
    hand = np.array(hand_s, np.float32), np.ones(len(hand_s), np.float32)
    monkeypatch.setattr("phonofilm.encoders.cue_finder.hand_events", lambda motion: hand)
    monkeypatch.setattr(CueFinder, "heat", lambda self, *given: Heat(curves, curves[:1]))
    return CueFinder(network).find(moving(np.arange(round(4 * rate_hz)) / rate_hz), 4.0)


def test_a_sure_network_needs_no_confirmation(monkeypatch: pytest.MonkeyPatch, network: CueNetwork) -> None:
    found = found_in(monkeypatch, network, {0.507: 0.9, 1.513: 0.9, 2.5: 0.5, 3.2: 0.2}, [3.6])
    np.testing.assert_allclose(found.times_s, [0.507, 1.513, 2.5], atol=2e-3)


ROW_S = [0.54, 1.0, 1.5, 2.0, 2.5, 3.22, 3.7]
"""Hand-made events, more than HAND_ROW_HZ of them a second."""


def test_an_unsure_network_keeps_what_a_row_confirms(monkeypatch: pytest.MonkeyPatch, network: CueNetwork) -> None:
    peaks = {0.5: 0.5, 0.75: 0.5, 1.0: 0.5, 1.5: 0.25, 2.0: 0.3, 2.25: 0.5, 2.5: 0.1, 3.2: 0.25}
    found = found_in(monkeypatch, network, peaks, ROW_S)
    np.testing.assert_allclose(found.times_s, [0.5, 1.0, 1.5, 2.0, 2.5, 3.2], atol=2e-3)


@pytest.mark.parametrize("hand_s", [[], ROW_S[::2], [time_s + 0.25 for time_s in ROW_S]])
def test_what_is_no_row_confirms_nothing(
    monkeypatch: pytest.MonkeyPatch, network: CueNetwork, hand_s: list[float]
) -> None:
    found = found_in(monkeypatch, network, {0.5: 0.5, 1.5: 0.5, 2.5: 0.5, 3.2: 0.25}, hand_s)
    np.testing.assert_allclose(found.times_s, [0.5, 1.5, 2.5], atol=2e-3)


def test_with_few_frames_nothing_is_confirmed(monkeypatch: pytest.MonkeyPatch, network: CueNetwork) -> None:
    peaks = {0.5: 0.5, 0.75: 0.5, 1.0: 0.5, 1.5: 0.25, 2.0: 0.3, 2.25: 0.5, 2.5: 0.1, 3.2: 0.25}
    found = found_in(monkeypatch, network, peaks, ROW_S, rate_hz=12.0)
    np.testing.assert_allclose(found.times_s, [0.5, 0.75, 1.0, 2.25], atol=2e-3)


def test_where_no_peak_weighs_enough_no_row_makes_events(monkeypatch: pytest.MonkeyPatch, network: CueNetwork) -> None:
    heights = (0.29, 0.25, 0.29, 0.25, 0.29, 0.25)
    peaks = dict(zip(ROW_S, heights, strict=False))
    assert not len(found_in(monkeypatch, network, peaks, ROW_S).times_s)
    assert len(found_in(monkeypatch, network, peaks | {3.7: 0.31}, ROW_S).times_s) == len(ROW_S)
