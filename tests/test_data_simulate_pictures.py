"""The visible half of the simulated world: scenes repeat, pictures can be asked for in any order, and what is drawn
agrees with what is told."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm.data.simulate.moves import Stroke, Tool, strike_track
from phonofilm.data.simulate.optics import Camera, Light, Shot, look
from phonofilm.data.simulate.picture import paint
from phonofilm.data.simulate.plots_arms import Swing, swing_track
from phonofilm.data.simulate.plots_faces import SENTENCES, WORDS, mouth_of
from phonofilm.data.simulate.scene import LONGEST_S, PLOTS, SHORTEST_S, Cast, SimulatedScene, _seen, compose
from phonofilm.data.simulate.stage import Blow
from phonofilm.data.simulate.textures import KINDS, Textures
from phonofilm.errors import InputError, MissingExtraError, OptionError

pytestmark = pytest.mark.thorough

pytest.importorskip("cv2")


def _frames(scene: SimulatedScene, times_s: list[float], width: int = 96, height: int = 54) -> np.ndarray:
    return np.stack(list(paint(scene, times_s, width, height)))


def _plain(scene: SimulatedScene) -> SimulatedScene:
    """The scene's own actors in even light, before a camera that stands still and looks from the side."""
    shot = replace(scene.camera.shots[0], yaw=0.0, pitch=0.05)
    camera = Camera((shot,), (0.0, 0.0), 1.0, (0.0, 1.0), ())
    light = Light(1.0, 1.0, (1.0, 1.0, 1.0), (0.0, 1.0), (np.inf, 1.0), (0.0, 0.0))
    return replace(scene, camera=camera, light=light, casts=scene.casts[:1])


@pytest.mark.parametrize("plot", PLOTS)
def test_same_seed_same_truth_and_pixels(plot: str) -> None:
    one, two = compose(11, plot=plot), compose(11, plot=plot)
    assert one.truth == two.truth
    times_s = [0.3, 1.7, 3.1]
    np.testing.assert_array_equal(_frames(one, times_s), _frames(two, times_s))


@pytest.mark.parametrize("plot", PLOTS)
def test_random_access_equals_sequence(plot: str) -> None:
    scene = compose(5, plot=plot)
    times_s = [0.11, 0.9, 1.234, 2.5, 3.9]
    forth, back = _frames(scene, times_s), _frames(scene, times_s[::-1])
    np.testing.assert_array_equal(forth, back[::-1])


@given(seed=st.integers(0, 2**63), plot=st.sampled_from([None, *PLOTS, "drum strokes with rain"]))
@settings(max_examples=30)
def test_truth_is_whole(seed: int, plot: str | None) -> None:
    truth = compose(seed, plot=plot).truth
    assert SHORTEST_S <= truth.duration_s <= LONGEST_S
    assert all(0 <= event.time_s < truth.duration_s for event in truth.events)
    assert all(-1 <= event.place <= 1 and 0 < event.strength <= 1 and 0 <= event.size <= 1 for event in truth.events)
    sources = [event.source for event in truth.events] + [stretch.source for stretch in truth.stretches]
    assert all(0 <= source < len(truth.labels) for source in sources)
    for stretch in truth.stretches:
        assert 0 <= stretch.start_s < stretch.end_s <= truth.duration_s + 0.2
        for knots in (stretch.levels, stretch.places):
            times = [time for time, _ in knots]
            assert times == sorted(times)
        assert all(0 <= level <= 1 for _, level in stretch.levels)
    assert 4 <= len(truth.captions) <= 6
    assert not any("{" in caption for caption in truth.captions)
    if truth.scene.startswith("silent"):
        assert not truth.events
        assert not truth.stretches
        assert truth.silent


def test_seeds_give_all_kinds_of_scenes() -> None:
    scenes = [compose(seed) for seed in range(70)]
    assert len({scene.truth.scene.split(" with ")[0] for scene in scenes}) >= 16
    still = sum(_stands(scene.camera) for scene in scenes) / len(scenes)
    assert 0.25 < still < 0.55
    assert any(scene.truth.cuts_s for scene in scenes)
    assert any(" with " in scene.truth.scene for scene in scenes)
    assert 0.2 < sum(len(scene.casts) > 1 for scene in scenes) / len(scenes) < 0.6


def _stands(camera: Camera) -> bool:
    return not camera.shake and camera.pan == (0.0, 0.0) and camera.zoom == 1.0 and len(camera.shots) == 1


@pytest.mark.parametrize("size", [(64, 36), (160, 90), (90, 160), (640, 360), (1920, 1080)])
def test_sizes(size: tuple[int, int]) -> None:
    scene = compose(2, plot="footsteps")
    picture = next(paint(scene, [1.0], *size))
    assert picture.shape == (size[1], size[0], 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 3


def test_large_and_small_show_the_same() -> None:
    scene = compose(4, plot="doors")
    large = next(paint(scene, [1.3], 640, 360)).astype(float)
    small = next(paint(scene, [1.3], 160, 90)).astype(float)
    shrunk = large.reshape(90, 4, 160, 4, 3).mean((1, 3))
    assert np.abs(shrunk - small).mean() < 9


def test_shutter_blurs_what_moves_and_nothing_else() -> None:
    scene = _plain(compose(3, plot="bouncing balls"))
    hit_s = scene.truth.events[0].time_s
    sharp = next(paint(scene, [hit_s - 0.05], 160, 90)).astype(int)
    blurred = next(paint(scene, [hit_s - 0.05], 160, 90, shutter_s=0.04)).astype(int)
    changed = (np.abs(sharp - blurred).max(-1) > 6).mean()
    assert 0 < changed < 0.2
    rest = next(paint(scene, [0.0], 160, 90)).astype(int)
    np.testing.assert_array_equal(rest, next(paint(scene, [0.0], 160, 90, shutter_s=0.02)).astype(int))


@given(exposures=st.integers(1, 9))
@settings(max_examples=5, deadline=None)
def test_a_picture_is_the_mean_of_its_exposures(exposures: int) -> None:
    scene = compose(3, plot="hammer")
    instants_s = 1.0 + 0.04 * ((np.arange(exposures) + 0.5) / exposures - 0.5)
    mean = np.mean([next(paint(scene, [time_s], 64, 36)).astype(float) for time_s in instants_s], 0)
    blurred = next(paint(scene, [1.0], 64, 36, 0.04, exposures))
    assert np.abs(mean - blurred).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("kind", KINDS)
def test_plain_surfaces_have_one_colour(kind: str) -> None:
    textures = Textures.plain()
    for surface in (textures.surface(kind, np.random.default_rng(1)), textures.crop(np.random.default_rng(1))):
        assert surface.shape == (256, 256, 3)
        assert (surface == surface[0, 0]).all()


def _single_ball() -> SimulatedScene:
    """A scene of one bouncing ball without walls, seen from the side."""
    for seed in range(300):
        scene = compose(seed, plot="bouncing balls")
        events = scene.truth.events
        if len(scene.casts[0].actors) == 1 and len(events) >= 3 and events[1].time_s - events[0].time_s > 0.3:
            return _plain(scene)
    raise AssertionError("no scene of one ball in 300 seeds")


def test_ball_turns_round_at_the_told_instant() -> None:
    scene = _single_ball()
    first, second = scene.truth.events[0].time_s, scene.truth.events[1].time_s
    step_s = 0.01
    times_s = list(np.arange(first - 0.1, min(second, first + 0.4) - 0.02, step_s))
    frames = _frames(scene, times_s, 240, 135).astype(int)
    empty = _frames(replace(scene, casts=(Cast(()),)), [0.0], 240, 135).astype(int)[0]
    heights = []
    for frame in frames:
        rows = np.nonzero((np.abs(frame - empty).max(-1) > 60).any(1))[0]
        heights.append(float(rows.min()))
    lowest = times_s[int(np.argmax(heights[: len(heights) // 2]))]
    assert abs(lowest - first) < 2 * step_s
    speed = np.diff(heights)
    before = [v for v, t in zip(speed, times_s[1:], strict=True) if t < first - step_s]
    after = [v for v, t in zip(speed, times_s, strict=False) if first + 2 * step_s < t < first + 0.08]
    assert np.mean(before) > 0 > np.mean(after)


@pytest.mark.parametrize("plot", ["drum strokes", "footsteps", "bouncing balls"])
def test_places_are_where_it_moves(plot: str) -> None:
    """Over scenes with a camera that stands still, what changes around an event goes with its place."""
    told: list[float] = []
    seen: list[float] = []
    for seed in range(40):
        scene = compose(seed, plot=plot)
        if not _stands(scene.camera) or len(told) > 15:
            continue
        scene = replace(scene, casts=scene.casts[:1])
        for event in [event for event in scene.truth.events if event.seen and abs(event.place) < 1][:3]:
            around = [max(0.0, event.time_s - 0.05), event.time_s, event.time_s + 0.05]
            change = np.abs(np.diff(_frames(scene, around, 80, 45).astype(float), axis=0)).sum((0, 1, 3))
            told.append(event.place)
            seen.append(float((change * np.linspace(-1, 1, 80)).sum() / (change.sum() + 1e-9)))
    assert np.corrcoef(told, seen)[0, 1] > 0.6


@given(
    times=st.lists(st.floats(0.2, 8), min_size=1, max_size=12),
    lift=st.floats(0.05, 1.0),
    bounce=st.floats(0, 0.35),
    seed=st.integers(0, 999),
)
@settings(max_examples=40)
def test_tools_touch_at_their_strokes_only(times: list[float], lift: float, bounce: float, seed: int) -> None:
    kept: list[float] = []
    for time_s in sorted(times):
        if not kept or time_s - kept[-1] > 0.1:
            kept.append(time_s)
    strokes = [Stroke(t, 0.7, miss=i % 3 == 2) for i, t in enumerate(kept)]
    track = strike_track(strokes, Tool(lift, 0.1, bounce, False), np.random.default_rng(seed))
    for stroke in strokes:
        here = track(stroke.time_s)
        assert here > 0.01 * lift if stroke.miss else abs(here) < 1e-9
        before = track(stroke.time_s - 0.004)
        assert before > here
    assert min(track(float(t)) for t in np.linspace(0, 9, 2000)) >= -1e-9


def test_camera_projects_as_it_places() -> None:
    view = look((1.0, 0.5, 0.0), 0.3, 0.2, 0.1, 4.0, 1.2)
    points = np.array([[1.0, 0.5, 0.0], [1.3, 0.1, 0.4], [0.2, 0.9, -0.5]])
    seen, scale = view.project_all(points)
    np.testing.assert_allclose(seen[0], 0, atol=1e-12)
    for point, spot, factor in zip(points, seen, scale, strict=True):
        x, y, s = view.project((float(point[0]), float(point[1]), float(point[2])))
        np.testing.assert_allclose([x, y, s], [*spot, factor], atol=1e-12)
    placed = view.placed((0.5, 0.2, 0.1), 2.0)
    inside = (points[1] - (0.5, 0.2, 0.1)) / 2.0
    np.testing.assert_allclose(placed.project((inside[0], inside[1], inside[2]))[:2], seen[1])


def test_cuts_change_the_picture_at_once() -> None:
    shots = (Shot(0.0, (0.0, 0.4, 0.0), 0.0, 0.1, 3.0, 1.2), Shot(2.0, (0.2, 0.4, 0.0), 0.3, 0.5, 2.0, 1.2))
    camera = Camera(shots, (0.0, 0.0), 1.0, (0.0, 1.0), ())
    assert camera.view(1.999) == camera.view(0.0)
    assert camera.view(2.0) != camera.view(1.999)


def test_all_surfaces_can_be_made(tmp_path: Path) -> None:
    textures = Textures.shipped()
    assert 16 <= len(textures.paths) <= 24
    assert all(path.stat().st_size <= 12_000 for path in textures.paths)
    told = (textures.paths[0].parent / "ATTRIBUTION.md").read_text(encoding="utf-8")
    assert all(f"`{path.stem}`" in told for path in textures.paths)
    for kind in KINDS:
        texture = textures.surface(kind, np.random.default_rng(1))
        assert texture.shape == (256, 256, 3)
        assert texture.dtype == np.uint8
    with pytest.raises(InputError, match="picture"):
        Textures.of_folder(tmp_path)
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"broken\.jpg"):
        Textures.of_folder(tmp_path).crop(np.random.default_rng(0))


def test_sentences_can_be_spoken_and_mouths_close_on_lips() -> None:
    assert all(word in WORDS for sentence in SENTENCES for word in sentence.split())
    assert all(mouth_of(symbol)[0] == 0 for symbol in ("P", "B", "M", "SIL"))
    truth = compose(8, plot="speaking face").truth
    assert truth.transcript in SENTENCES
    spoken = [phoneme.symbol for phoneme in truth.phonemes if phoneme.symbol != "SIL"]
    assert spoken == " ".join(WORDS[word] for word in truth.transcript.split()).split()
    ends = [phoneme.end_s for phoneme in truth.phonemes[:-1]]
    np.testing.assert_allclose(ends, [phoneme.start_s for phoneme in truth.phonemes[1:]])
    assert truth.stretches[0].what == "speech"


def test_vehicle_passes_through_the_picture() -> None:
    for seed in range(5):
        places = [place for _, place in compose(seed, plot="vehicle").truth.stretches[0].places]
        assert abs(places[-1] - places[0]) > 0.5


def test_unknown_plot_is_refused() -> None:
    with pytest.raises(OptionError, match="no plot is called 'opera'"):
        compose(0, plot="opera")


def test_missing_opencv_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'phonofilm\[simulate\]'") as told:
        compose(0)
    assert "\n" not in str(told.value)


def test_what_is_too_small_or_hidden_is_heard_but_not_seen() -> None:
    assert not any(event.seen for seed in range(4) for event in compose(seed, plot="fire").truth.events)
    near = compose(1, plot="footsteps")
    assert any(event.seen for seed in range(6) for event in compose(seed, plot="footsteps").truth.events)
    shots = tuple(replace(shot, focal=shot.focal / 8) for shot in near.camera.shots)
    far = replace(near.camera, shots=shots)
    blow = Blow(1.0, 0.8, shots[0].target, "step", "wood", 0.3, 0, 0.2)
    assert _seen(blow, near.camera)
    assert not _seen(blow, far)
    assert _seen(replace(blow, shows_m=np.inf), far)
    assert not _seen(replace(blow, at=(0.0, 50.0, 0.0)), near.camera)


@pytest.mark.parametrize("seed", range(6))
def test_a_swung_tool_is_down_at_every_blow_and_never_at_a_feint(seed: int) -> None:
    rng = np.random.default_rng(seed)
    strokes = [Stroke(float(time_s), 0.7, miss=number % 3 == 2) for number, time_s in enumerate(np.arange(0.5, 6, 0.6))]
    for end in ("rebounds", "sticks", "gives", "passes"):
        track = swing_track(strokes, Swing(0.3, 0.1, "fall", end, 0.3), rng)
        for stroke in strokes:
            high = track(stroke.time_s)
            assert high == pytest.approx(0, abs=1e-6) if not stroke.miss else high > 0.02
            if not stroke.miss:
                # Fastest downwards just before the contact.
                fall = track(stroke.time_s - 0.01) - high
                assert fall > 0.02
                assert fall >= track(stroke.time_s - 0.03) - track(stroke.time_s - 0.02)
