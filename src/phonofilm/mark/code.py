"""The payload's error-correcting code: convolutional, rate 1/4, 256 states, tail-biting, decoded by Viterbi.

Tail-biting (Ma and Wolf 1986) starts the encoder in the state it will end in: 40 bits become 160 coded bits and none
is spent on a tail. The decoder goes round the circle three times and keeps the middle round, which is nearly as good
as trying all 256 starting states.

    W words decoded at once, S = 256 states
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from phonofilm.mark.payload import BITS
from phonofilm.types import FloatArray

CONSTRAINT = 9
GENERATORS = (0o463, 0o535, 0o733, 0o745)
"""The best code of rate 1/4 and constraint length 9 (Larsen 1973), free distance 24."""
RATE = len(GENERATORS)
CODED_BITS = BITS * RATE
STATES = 1 << (CONSTRAINT - 1)
ROUNDS = 3

IntArray = npt.NDArray[np.int64]


@lru_cache(maxsize=1)
def _outputs() -> FloatArray:
    """(2 S, 4) ±1: what the encoder says for each content of its register."""
    register = np.arange(1 << CONSTRAINT)
    bits = [[(int(content) & generator).bit_count() & 1 for generator in GENERATORS] for content in register]
    return np.array(bits, np.float32) * 2 - 1


def encode(bits: list[int]) -> FloatArray:
    """40 bits to (160,) ±1."""
    register = 0
    for bit in bits[-(CONSTRAINT - 1) :]:
        register = register << 1 | bit
    word = []
    for bit in bits:
        register = (register << 1 | bit) & (1 << CONSTRAINT) - 1
        word.append(_outputs()[register])
    return np.concatenate(word)


def decode(soft: FloatArray) -> IntArray:
    """The likeliest bits, (W, 40), for evidence of (W, 160): positive for +1, negative for -1, larger for surer."""
    words = len(soft)
    evidence = soft.reshape(words, BITS, RATE)
    register = _registers()  # (S, 2): the two contents that lead to each new state
    metric = np.zeros((words, STATES), np.float32)
    steps = []
    for step in range(BITS * ROUNDS):
        gain = evidence[:, step % BITS] @ _outputs().T  # (W, 2 S)
        both = metric[:, register >> 1] + gain[:, register]  # (W, S, 2)
        later = both[:, :, 1] > both[:, :, 0]
        metric = np.where(later, both[:, :, 1], both[:, :, 0])
        steps.append(later)
    return _trace(steps, metric.argmax(1))


@lru_cache(maxsize=1)
def _registers() -> IntArray:
    """(S, 2) contents of the register, old state and new bit, that lead to each state."""
    return np.stack([np.arange(STATES), np.arange(STATES) + STATES], 1)


def _trace(steps: list[npt.NDArray[np.bool_]], state: IntArray) -> IntArray:
    words = np.arange(len(state))
    bits = np.zeros((len(state), len(steps)), np.int64)
    for step in reversed(range(len(steps))):
        bits[:, step] = state & 1
        register = state + STATES * steps[step][words, state]
        state = register >> 1
    return bits[:, BITS : 2 * BITS]
