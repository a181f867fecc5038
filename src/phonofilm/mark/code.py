"""The payload's error-correcting code: convolutional, rate 1/4, 256 states, tail-biting, decoded by Viterbi.

Tail-biting (Ma and Wolf 1986) starts the encoder in the state it will end in: 44 bits become 176 coded bits and none
is spent on a tail. The decoder goes round the circle three times and keeps the middle round, which is nearly as good
as trying all 256 starting states. Only words that can have been said by now are looked for.

    W words decoded at once, S = 256 states, L paths kept for each
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from phonofilm.mark.payload import BITS, known_bits
from phonofilm.types import FloatArray

CONSTRAINT = 9
GENERATORS = (0o463, 0o535, 0o733, 0o745)
"""The best code of rate 1/4 and constraint length 9 (Larsen 1973), free distance 24."""
RATE = len(GENERATORS)
CODED_BITS = BITS * RATE
STATES = 1 << (CONSTRAINT - 1)
ROUNDS = 3
LIST_ROUNDS = 2
"""Rounds to a state and on from it, by which it is told how likely a word begins there."""
LIST_STATES, LIST_PATHS = 16, 4
"""How many states, and words from each to itself, are looked at when the likeliest word does not pass its check."""

IntArray = npt.NDArray[np.int64]


@lru_cache(maxsize=1)
def _outputs() -> FloatArray:
    """(2 S, 4) ±1: what the encoder says for each content of its register."""
    register = np.arange(1 << CONSTRAINT)
    bits = [[(int(content) & generator).bit_count() & 1 for generator in GENERATORS] for content in register]
    return np.array(bits, np.float32) * 2 - 1


def encode(bits: list[int]) -> FloatArray:
    """44 bits to (176,) ±1."""
    register = 0
    for bit in bits[-(CONSTRAINT - 1) :]:
        register = register << 1 | bit
    word = []
    for bit in bits:
        register = (register << 1 | bit) & (1 << CONSTRAINT) - 1
        word.append(_outputs()[register])
    return np.concatenate(word)


@lru_cache(maxsize=1)
def _shut_out() -> FloatArray:
    """(44, 2 S) minus infinity where a content of the register brings a bit that no word can have by now, else 0."""
    out = np.zeros((BITS, 2 * STATES), np.float32)
    for step, bit in known_bits().items():
        out[step, np.arange(2 * STATES) & 1 != bit] = -np.inf
    return out


def _gains(soft: FloatArray) -> FloatArray:
    """(W, 44, 2 S) the evidence (W, 176) for what each content of the register says at each step."""
    return np.asarray(soft.reshape(len(soft), BITS, RATE) @ _outputs().T + _shut_out())


def decode_list(soft: FloatArray) -> IntArray:
    """(W, LIST_STATES * LIST_PATHS, 44) the likeliest words, likeliest first, for evidence of (W, 176).

    List Viterbi (Seshadri and Sundberg 1994) on the circle from each of the likeliest states to itself. With a check to
    choose by, a mark is read as if it were 6 % stronger (measured). What a wrong word that passes it proves is counted.
    """
    gains = _gains(soft)
    words, metric = _circles(gains, _states(gains))
    order = np.argsort(-metric, axis=1)
    return np.asarray(np.take_along_axis(words, order[:, :, None], 1))


def _states(gains: FloatArray) -> IntArray:
    """(W, LIST_STATES) states that the word may begin and end in: that of the likeliest word, and others near it.

    They are told by the best way round and round to each state and on from it. By the ways to it alone the true state
    of a faint mark was the hundredth of 256; by both it is among the first eight.
    """
    own = _likeliest(gains)[:, -(CONSTRAINT - 1) :] @ (1 << np.arange(CONSTRAINT - 1)[::-1])  # (W,)
    before, after = (np.zeros((len(gains), STATES), np.float32) for _ in range(2))
    for step in range(LIST_ROUNDS * BITS):
        before = np.maximum(*_reached(before, gains[:, step % BITS]))
        after = np.maximum(*_left(after, gains[:, -1 - step % BITS]))
    metric = before + after
    metric[np.arange(len(gains)), own] = np.inf
    return np.asarray(np.argsort(-metric, axis=1)[:, :LIST_STATES], np.int64)


def _circles(gains: FloatArray, states: IntArray) -> tuple[IntArray, FloatArray]:
    """The L likeliest words that begin and end in each of the states (W, A): (W, A * L, 44), and metrics (W, A * L)."""
    count, choices = states.shape
    paths, state = LIST_PATHS, states.ravel()
    circle = np.arange(len(state))  # (W * A,), last in memory, so that all go through one step together
    gains = np.repeat(gains, choices, 0).transpose(1, 2, 0)
    gains = np.ascontiguousarray(gains).reshape(BITS, 2, STATES // 2, 2, -1)  # by oldest bit, others, new bit
    metric = np.full((paths, STATES, len(state)), -np.inf, np.float32)
    metric[0, state, circle] = 0
    steps = []
    for gain in gains:
        both = metric.reshape(paths, 2, STATES // 2, 1, -1) + gain
        early, late = (both[:, oldest].reshape(metric.shape) for oldest in range(2))
        metric, source = merged(early, late)
        steps.append(source)
    here, rank = np.repeat(state[None], paths, 0), np.repeat(np.arange(paths)[:, None], len(state), 1)
    bits = np.zeros((BITS, paths, len(state)), np.int64)
    for step in reversed(range(BITS)):
        bits[step] = here & 1
        origin = steps[step][rank, here, circle].astype(np.int64)
        here, rank = here + STATES * (origin // paths) >> 1, origin % paths
    found = bits.transpose(2, 1, 0).reshape(count, choices * paths, BITS)
    return found, metric[:, state, circle].T.reshape(count, choices * paths)


def merged(early: FloatArray, late: FloatArray) -> tuple[FloatArray, npt.NDArray[np.int8]]:
    """The best L of two lists (L, ...), and their places in the first, or L and their places in the second.

    Lists are best first, L is a power of two (bitonic merging, Batcher 1968).
    """
    paths = len(early)
    place = np.arange(paths, dtype=np.int8).reshape(-1, *[1] * (early.ndim - 1))
    turned = late[::-1]
    best, source = np.maximum(early, turned), np.where(turned > early, place[::-1] + np.int8(paths), place)
    apart = paths // 2
    while apart:
        shape = (paths // (2 * apart), 2, apart, *early.shape[1:])
        first, second = (best.reshape(shape)[:, side] for side in range(2))
        one, other = (source.reshape(shape)[:, side] for side in range(2))
        swapped = second > first
        source = np.stack([np.where(swapped, other, one), np.where(swapped, one, other)], 1).reshape(early.shape)
        best = np.stack([np.maximum(first, second), np.minimum(first, second)], 1).reshape(early.shape)
        apart //= 2
    return best, source


def decode(soft: FloatArray) -> IntArray:
    """The likeliest bits, (W, 44), for evidence of (W, 176): positive for +1, negative for -1, larger for surer."""
    return _likeliest(_gains(soft))


def _likeliest(gains: FloatArray) -> IntArray:
    metric = np.zeros((len(gains), STATES), np.float32)
    steps = []
    for step in range(BITS * ROUNDS):
        early, late = _reached(metric, gains[:, step % BITS])
        steps.append(late > early)
        metric = np.maximum(early, late)
    return _trace(steps, metric.argmax(1))


def _reached(metric: FloatArray, gain: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(W, S) twice: how well each state is reached from each of the two before it.

    metric: (W, S) how well those were reached; gain: (W, 2 S) the evidence for what each content of the register says.
    """
    before = np.repeat(metric, 2, axis=1)  # a state and its next bit: the register but for its oldest bit
    return before[:, :STATES] + gain[:, :STATES], before[:, STATES:] + gain[:, STATES:]


def _left(metric: FloatArray, gain: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(W, S) twice: how well it goes on from each state by a bit of 0 or 1.

    metric: (W, S) how well it goes on from the states after; gain as in `_reached`.
    """
    onward = gain + np.tile(metric, 2)  # by a register's content: the state after it lacks the oldest bit
    return onward[:, 0::2], onward[:, 1::2]


def _trace(steps: list[npt.NDArray[np.bool_]], state: IntArray) -> IntArray:
    words = np.arange(len(state))
    bits = np.zeros((len(state), len(steps)), np.int64)
    for step in reversed(range(len(steps))):
        bits[:, step] = state & 1
        register = state + STATES * steps[step][words, state]
        state = register >> 1
    return bits[:, BITS : 2 * BITS]
