"""The cue finder's examples, targets and training, on tiny films."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from phonofilm.data.simulate.clips import EventTable, SmallClip, event_table, going_on, whole_clips
from phonofilm.data.simulate.truth import CONTACTS, Event, Stretch, Truth
from phonofilm.encoders.cue_features import CLOCK_HZ, FIELDS
from phonofilm.encoders.cue_finder import CueFinder
from phonofilm.encoders.cue_network import CueFinderConfig, CueNetwork, read_cue_network
from phonofilm.errors import InputError
from phonofilm.media.encode import TimedPicture
from phonofilm.train.cue_examples import (
    CueExample,
    CueShard,
    example_of,
    make_cue_examples,
    of_one_grid,
    write_examples,
)
from phonofilm.train.cue_finder import (
    CueRecipe,
    draw_batch,
    export_cue_finder,
    loss_of,
    mini_cue_finder,
    mini_shown_cue_finder,
    targets_of,
    train_cue_finder,
)
from phonofilm.train.cue_variety import jolted, quickened, seen_closer, softened, swaying, varied, with_losses
from phonofilm.weights.registry import find_model

NET = CueFinderConfig(
    contacts=CONTACTS,
    fine=3,
    look=4,
    near=4,
    block=6,
    coarse=8,
    slots=2,
    slot=4,
    width=24,
    dilations=(1, 2, 4),
    threshold=0.4,
)
VARIETY = replace(mini_cue_finder().variety, close_share=0.0, sway_share=0.0, soft_share=0.0)
RECIPE = replace(mini_shown_cue_finder(), name="cue_finder", net=NET, steps=4, batch=3, crop_s=1.0, variety=VARIETY)


def truth(*events: tuple[float, float, float], stretches: tuple[Stretch, ...] = ()) -> Truth:
    """A scene of 2 s with blows (time, strength, place)."""
    rows = tuple(Event(time_s, strength, place, "bounce", "rubber", 0.2, 0) for time_s, strength, place in events)
    return Truth("ball", 1, 2.0, rows, stretches, (), "", ("a ball",), (), (), ())


def bouncing(seed: int, rate_hz: int = 25) -> SmallClip:
    """A bright square that falls, touches the ground at 1 s and flies up again."""
    generator = np.random.default_rng(seed)
    ground = generator.integers(60, 120, (36, 64), np.uint8).repeat(2, 0).repeat(2, 1)  # (72, 128)
    column = int(generator.integers(10, 100))
    film: list[TimedPicture] = []
    for index in range(2 * rate_hz):
        picture = ground.copy()
        row = int(56 - 40 * abs(index / rate_hz - 1))
        picture[row : row + 14, column : column + 14] = 230
        film.append((np.repeat(picture[..., None], 3, 2), Fraction(index, rate_hz)))
    return SmallClip(truth((1.0, 0.8, 2 * (column + 7) / 128 - 1)), film, 2.0)


@pytest.fixture(scope="module")
def examples() -> list[CueExample]:
    return [example_of(bouncing(seed, rate)) for seed, rate in ((1, 25), (2, 30), (3, 15))]


@pytest.fixture
def run(tmp_path: Path, examples: list[CueExample]) -> Path:
    (tmp_path / "cue_examples").mkdir()
    write_examples(tmp_path / "cue_examples" / "0000.safetensors", examples)
    return tmp_path


def test_of_two_close_events_the_stronger_is_asked_for() -> None:
    table = event_table(truth((0.5, 0.3, 0.0), (0.55, 0.9, 0.0), (1.0, 0.02, 0.0), (1.5, 0.5, 1.4)))
    assert table.asked.tolist() == [False, True, False, False]
    assert table.places.max() == 1
    assert [CONTACTS[i] for i in table.contacts] == ["bounce"] * 4


def test_what_goes_on_is_as_loud_as_its_loudest_part_and_where_it_is() -> None:
    rain = Stretch(0.5, 1.5, "rain", ((0.5, 0.2), (1.5, 0.4)), ((0.5, -0.5), (1.5, 0.5)), 0)
    level, place = going_on(truth((1.8, 1.0, 0.9), stretches=(rain,)), 100, 200)
    assert level[49] == 0
    assert level[100] == pytest.approx(0.3, abs=0.01)
    assert place[100] == pytest.approx(0, abs=0.02)
    assert level[180] == pytest.approx(1, abs=0.01)
    assert place[185] == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize("first_s", [0.0, 0.31, 0.613])
def test_targets_say_where_between_points_an_event_lies(examples: list[CueExample], first_s: float) -> None:
    heat, counted, weight, offset, strength, place, contact, *_ = targets_of(examples[0], first_s, 60, RECIPE)
    best = int(heat.argmax())
    assert first_s + (best + offset[best]) / CLOCK_HZ == pytest.approx(1.0, abs=1e-4)
    assert abs(offset[best]) <= 0.5
    assert heat[best] > 0.9
    assert weight[best] == heat[best]
    assert strength[best] == pytest.approx(0.8)
    assert place[best] == pytest.approx(examples[0].events.places[0])
    assert contact[best] == CONTACTS.index("bounce")
    assert contact[best - 10] == len(CONTACTS)
    assert counted.all()


def test_events_that_are_not_asked_for_count_for_nothing(examples: list[CueExample]) -> None:
    table = examples[0].events
    free = replace(examples[0], events=replace(table, asked=np.zeros(len(table.asked), bool)))
    heat, counted, weight, *_ = targets_of(free, 0.0, 80, RECIPE)
    assert not heat.any()
    assert not weight.any()
    assert not counted[50]
    assert counted[20]


def test_films_come_back_from_a_shard(examples: list[CueExample], run: Path) -> None:
    shard = CueShard(run / "cue_examples" / "0000.safetensors")
    assert len(shard) == 3
    for index, example in enumerate(examples):
        again = shard.example(index)
        np.testing.assert_allclose(again.motion.down, example.motion.down, atol=2e-3)
        np.testing.assert_array_equal(again.motion.times_s, example.motion.times_s)
        np.testing.assert_array_equal(again.events.times_s, example.events.times_s)
        np.testing.assert_allclose(again.hand[0], example.hand[0])
        np.testing.assert_allclose(again.place, example.place, atol=1e-3)


def test_a_varied_film_keeps_in_step_with_its_truth(examples: list[CueExample]) -> None:
    generator = np.random.default_rng(0)
    sides = set()
    for _ in range(12):
        other = varied(examples[0], VARIETY, generator)
        stretch = other.motion.times_s[-1] / examples[0].motion.times_s[-1]
        assert other.events.times_s[0] == pytest.approx(stretch, rel=1e-3)
        side = np.sign(other.events.places[0] * examples[0].events.places[0])
        sides.add(side)
        columns = np.linspace(-1, 1, 2 * other.motion.right.shape[2] + 1)[1::2]
        speed = other.motion.fastest.max(1).mean(0) ** 4
        assert (speed @ columns) / speed.sum() == pytest.approx(other.events.places[0], abs=0.15)
    assert sides == {-1, 1}


def test_what_is_seen_closer_is_larger_faster_and_where_it_was(examples: list[CueExample]) -> None:
    generator = np.random.default_rng(0)
    seen = 0
    for _ in range(8):
        closer = seen_closer(examples[0], 2.0, generator)
        columns = np.linspace(-1, 1, 2 * closer.motion.right.shape[2] + 1)[1::2]
        speed = closer.motion.fastest.max(1).mean(0) ** 4
        if closer.events.asked[0] and abs(closer.events.places[0]) < 0.7:
            seen += 1
            assert (speed @ columns) / speed.sum() == pytest.approx(closer.events.places[0], abs=0.2)
            assert closer.motion.fastest.max() > examples[0].motion.fastest.max()
    assert seen


def test_a_jolt_is_heard_as_it_begins_and_ends_where_it_began() -> None:
    clip = bouncing(6)
    still = example_of(SmallClip(truth(), [(clip.film[0][0], time_s) for _, time_s in clip.film], 2.0))
    other = jolted(still, np.random.default_rng(2))
    assert len(other.events.times_s) >= 1
    motion, first_s = other.motion, float(other.events.times_s[0])
    speed = np.hypot(motion.right, motion.down).max((1, 2))
    assert motion.times_s[np.flatnonzero(speed > 1e-3)[0]] <= first_s
    flight = motion.right - still.motion.right
    np.testing.assert_allclose((flight * np.diff(motion.times_s)[:, None, None]).sum(0), 0, atol=1e-4)
    assert len(other.hand[0]) == 0


def test_what_sways_ends_near_where_it_began_and_is_not_heard(examples: list[CueExample]) -> None:
    motion = examples[0].motion
    other = swaying(motion, np.random.default_rng(4))
    flight = (other.right - motion.right) * np.diff(motion.times_s)[:, None, None]
    assert 0 < np.abs(flight.cumsum(0)).max() < 1
    assert (other.change >= motion.change).all()


def test_softening_keeps_how_far_things_go(examples: list[CueExample]) -> None:
    motion = examples[0].motion
    other = softened(motion, np.random.default_rng(4))
    np.testing.assert_allclose(other.down.sum(0), motion.down.sum(0), atol=0.3 * np.abs(motion.down).max())
    assert np.abs(np.diff(other.down, axis=0)).max() < np.abs(np.diff(motion.down, axis=0)).max()


def test_a_clip_without_events_teaches_silence() -> None:
    clip = bouncing(4)
    silent = example_of(SmallClip(truth(), clip.film, clip.end_s))
    heat, counted, weight, *_ = targets_of(silent, 0.0, 50, RECIPE)
    assert isinstance(silent.events, EventTable)
    assert not heat.any()
    assert not weight.any()
    assert counted.all()


@pytest.mark.thorough
def test_training_brings_the_loss_down_and_goes_on_where_it_stopped(run: Path) -> None:
    recipe = replace(RECIPE, steps=30, save_every_s=0.0, learning_rate=1e-2, warmup=2, decay=0.5)
    shard = CueShard(run / "cue_examples" / "0000.safetensors")
    torch.manual_seed(recipe.seed)

    def loss(network: CueNetwork) -> float:
        generator = np.random.default_rng(1)
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            batch, targets = draw_batch(shard, replace(recipe, batch=12), generator)
            return float(loss_of(network(batch), targets, recipe))

    before = loss(CueNetwork(recipe.net))
    train_cue_finder(run, torch.device("cpu"), replace(recipe, steps=15))
    trained = train_cue_finder(run, torch.device("cpu"), recipe)
    assert loss(trained) < 0.9 * before
    assert torch.load(run / "cue_finder.pt", weights_only=True)["step"] == 30


def test_weights_are_exported_for_use(run: Path) -> None:
    with pytest.raises(InputError, match="train the stage"):
        export_cue_finder(run, run / "cues.safetensors", RECIPE)
    train_cue_finder(run, torch.device("cpu"), RECIPE)
    digest = export_cue_finder(run, run / "cues.safetensors", RECIPE)
    assert len(digest) == 64
    assert read_cue_network(run / "cues.safetensors").config == NET
    found = CueFinder.load(run / "cues.safetensors").find(example_of(bouncing(5)).motion, 2.0)
    assert len(found.activity) == 2 * CLOCK_HZ + 1


def test_training_without_films_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run the stage"):
        train_cue_finder(tmp_path, torch.device("cpu"), RECIPE)


@pytest.mark.parametrize("recipe", [mini_cue_finder(), mini_shown_cue_finder()], ids=lambda recipe: recipe.name)
def test_the_shipped_recipes_are_small_and_those_of_the_shipped_weights(recipe: CueRecipe) -> None:
    count = sum(part.numel() for part in CueNetwork(recipe.net).parameters())
    assert count <= 800_000
    file = {"cue_finder": "cues.safetensors", "cue_finder_shown": "cues_shown.safetensors"}[recipe.name]
    assert read_cue_network(find_model("mini").checked(file)).config == recipe.net


def test_films_are_painted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cv2")
    make_cue_examples(tmp_path, shards=1, scenes=1)
    path = tmp_path / "cue_examples" / "0000.safetensors"
    assert len(CueShard(path)) >= 1
    written = path.stat().st_mtime_ns
    make_cue_examples(tmp_path, shards=1, scenes=1)
    assert path.stat().st_mtime_ns == written


def test_whole_films_last_as_long_as_their_scenes() -> None:
    pytest.importorskip("cv2")
    films = [list(whole_clips(seed, 48, 32)) for seed in range(900, 906)]
    assert {len(rows) for rows in films} == {1, 2}, "some are there once more, damaged"
    for rows in films:
        for clip in rows:
            assert clip.end_s == pytest.approx(clip.truth.duration_s, abs=0.1)
            assert clip.truth == rows[0].truth
            assert clip.film[0][0].ndim == 3


def test_a_film_whose_bars_were_cut_off_does_not_hold_up_the_others(tmp_path: Path, examples: list[CueExample]) -> None:
    narrower = {name: getattr(examples[1].motion, name)[:, 1:] for name in FIELDS}
    pictures = examples[1].motion.pictures[:, 4:]
    cut = replace(examples[1], motion=replace(examples[1].motion, **narrower, pictures=pictures))
    kept = of_one_grid([examples[0], cut, examples[2]])
    assert kept == [examples[0], examples[2]]
    write_examples(tmp_path / "0000.safetensors", kept)
    assert len(CueShard(tmp_path / "0000.safetensors")) == 2


@pytest.mark.parametrize("times", [1.5, 2.0, 3.0])
def test_a_quickened_film_moves_faster_for_a_shorter_time(examples: list[CueExample], times: float) -> None:
    for example in examples:
        other = quickened(example, times, np.random.default_rng(1))
        assert other.motion.times_s[-1] == pytest.approx(example.motion.times_s[-1] / times)
        assert other.events.times_s == pytest.approx(example.events.times_s / times)
        assert len(other.motion.times_s) <= len(example.motion.times_s)
        assert len(other.motion.right) == len(other.motion.times_s) - 1
        assert other.motion.fastest.max() == pytest.approx(times * example.motion.fastest.max(), rel=0.01)


def test_of_events_that_a_quickened_film_brings_together_the_stronger_is_asked(examples: list[CueExample]) -> None:
    table = event_table(truth((0.5, 0.4, 0.0), (0.6, 0.9, 0.0), (1.5, 0.5, 0.0)))
    assert table.asked.all()
    other = quickened(replace(examples[0], events=table), 2.0, np.random.default_rng(1))
    assert other.events.asked.tolist() == [False, True, True]


def test_what_moves_far_between_frames_is_lost_first(examples: list[CueExample]) -> None:
    motion = examples[0].motion
    other = with_losses(motion, np.random.default_rng(3))
    speed, left = np.hypot(motion.right, motion.down), np.hypot(other.right, other.down)
    moving = speed > 1e-3
    share = (left[moving] / speed[moving])[np.argsort(speed[moving])]
    assert share[: len(share) // 4].mean() > share[-len(share) // 4 :].mean()
    assert (other.unexplained >= motion.unexplained).all()


def test_what_is_heard_but_not_seen_is_not_asked_for() -> None:
    whole = truth((0.5, 0.4, 0.0), (1.0, 0.9, 0.0))
    hidden = replace(whole, events=(replace(whole.events[0], seen=False), whole.events[1]))
    assert event_table(whole).asked.tolist() == [True, True]
    assert event_table(hidden).asked.tolist() == [False, True]
