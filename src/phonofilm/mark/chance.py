"""What a score proves: a bound on the chance of an error that holds for any sound.

The signs of the cells are drawn from the key without regard to any sound. So for a sound that was made without the key,
the sum of its evidence times the signs is a sum of independent terms of either sign, and whatever the sound

    P(sum / root of the sum of squares >= z)  <=  3.178 (1 - Phi(z))  and  <=  exp(-z² / 2)

(the first by Bentkus and Dzindzalieta 2015, Phi is the normal distribution; the second by Hoeffding 1963). Looking at M
places multiplies the chance by at most M; so does letting the decoder choose one of all the payloads that there can be
by now. The only assumption is that nobody used the key: the bound says nothing about forgers. The looks at the pieces
of a long sound share one budget: piece i gets the share 6 / (pi i)², which adds up to 1 over any number of pieces.
"""

from math import log, pi

from scipy.special import log_ndtr

FALSE_POSITIVES = 1e-9
"""A file is called marked when the chance of an error is below this."""
RADEMACHER = log(3.178)
"""Logarithm of the factor of the first bound."""


def log_chance(score: float, log_trials: float) -> float:
    """Natural logarithm of the bound for the best score among exp(log_trials) looks; at most 0."""
    bounded = max(0.0, score)
    return min(0.0, log_trials + min(-(bounded**2) / 2, RADEMACHER + float(log_ndtr(-bounded))))


def piece_trials_log(piece: int) -> float:
    """What looking at piece `piece` = 0, 1, ... of a sound adds to the logarithm of the trials."""
    return log((pi * (piece + 1)) ** 2 / 6)
