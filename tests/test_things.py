"""How often training meets what people ask for."""

import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from phonofilm.data.captions import load_captions
from phonofilm.data.things import ASKED_FOR, STOCK, THING_POWER, Thing, load_things, shares, thing_of
from phonofilm.encoders.prompts import phrases

THINGS = load_things()
LABELS = tuple(load_captions())


def of(labels: list[str], counts: list[int], seconds: list[float]) -> dict[str, float]:
    tiers = np.ones(len(labels), np.int_)
    drawn = shares(labels, np.asarray(counts, np.float64), np.asarray(seconds, np.float64), tiers)
    return dict(zip(labels, drawn.tolist(), strict=True))


def test_every_thing_is_named_once_and_has_labels() -> None:
    assert len({thing.name for thing in THINGS}) == len(THINGS)
    owned = {thing.name for label in LABELS if (thing := thing_of(label, THINGS))}
    assert owned == {thing.name for thing in THINGS}, "a thing without a label is never trained on"


def test_labels_belong_to_what_they_sound_like() -> None:
    wanted = {
        "rifle fire": "gun", "pistol cock": "gun handling", "leopard roar": "big cat", "crickets at night": "crickets",
        "crow caw": "large bird", "crowd": "crowd", "car door": "door", "thunder drum": None, "wind chimes": None,
        "bubble wrap": None, "wind up toy": None, "fire blast": "fireworks", "glass break": "breaking glass",
        "old phone": "telephone", "jazz vibraphone": None, "digeridoo": None, "rain white noise": None,
    }  # fmt: skip
    found = {label: thing.name if (thing := thing_of(label, THINGS)) else None for label in wanted}
    assert found == wanted


@settings(max_examples=40)
@given(st.lists(st.sampled_from(LABELS), min_size=1, max_size=60, unique=True), st.data())
def test_shares_are_shares_and_more_of_a_label_is_never_met_less(labels: list[str], data: st.DataObject) -> None:
    counts = data.draw(st.lists(st.integers(1, 40), min_size=len(labels), max_size=len(labels)))
    seconds = [data.draw(st.floats(0.1, 10)) * count for count in counts]
    before = of(labels, counts, seconds)
    assert all(share > 0 for share in before.values())
    assert abs(sum(before.values()) - 1) < 1e-9
    more = of(labels, [2 * counts[0], *counts[1:]], [2 * seconds[0], *seconds[1:]])
    assert more[labels[0]] >= before[labels[0]] - 1e-12


def test_what_was_recorded_a_hundred_times_does_not_drown_what_was_recorded_once() -> None:
    met = of(["dog bark", "crickets at night", "unheard-of rattle"], [100, 1, 3], [500.0, 5.0, 30.0])
    assert met["dog bark"] / met["crickets at night"] <= (STOCK[1] / STOCK[0]) ** THING_POWER + 1e-9
    assert abs(met["unheard-of rattle"] - (1 - ASKED_FOR)) < 1e-9


def test_the_first_thing_that_fits_counts() -> None:
    table = (Thing("door", 1.0, (), re.compile("^car door")), Thing("car", 1.0, (), re.compile("^car")))
    assert thing_of("car door slam", table) is table[0]
    assert thing_of("cart", table) is table[1]
    assert thing_of("rain", table) is None


def test_a_thing_is_called_by_names_that_people_type() -> None:
    names = {thing.name: thing.words for thing in THINGS}
    assert "lion roaring" in names["big cat"]
    assert not names["bow and sword"], "bows and swords have no common name"
    for words in names.values():
        assert len(set(words)) == len(words)
        assert all(phrases(word) == (word,) for word in words), "a name is one phrase"
