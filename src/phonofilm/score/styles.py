"""All styles. A prompt gets the one whose sentences it is nearest to."""

from phonofilm.score.styles_band import NEUTRAL, SOLO
from phonofilm.score.styles_film import BRIGHT, DARK

STYLES = (*DARK, *BRIGHT, *NEUTRAL, *SOLO)
BY_STYLE = {style.name: style for style in STYLES}
