"""Which shot is told what, in turn."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from phonofilm.scenes.mini_scene import MiniScene, ScenePart, told_in_turn


def scene_of(steps: int) -> MiniScene:
    nothing = torch.zeros(1, 1)
    return MiniScene(steps * 100, steps, nothing, torch.zeros(1, dtype=torch.bool), None, None, None, None, ())


@given(st.lists(st.integers(0, 40), max_size=8, unique=True), st.integers(40, 50), st.randoms())
def test_every_step_is_told_once_and_by_the_parts_where_there_are_some(edges, steps, random) -> None:  # type: ignore[no-untyped-def]
    edges = sorted(edges)
    own = [scene_of(steps) for _ in edges]
    parts = [ScenePart(first, end, one) for first, end, one in zip(edges[::2], edges[1::2], own, strict=False)]
    random.shuffle(parts)
    scene = scene_of(steps)
    whole = MiniScene(**{**vars(scene), "parts": tuple(parts)})
    turns = told_in_turn(whole)
    assert [step for turn in turns for step in range(turn.first, turn.end)] == list(range(steps))
    for turn in turns:
        mine = [part for part in parts if part.first <= turn.first < part.end]
        assert turn.scene is (mine[0].scene if mine else whole)
