"""Words for labels that the table of captions does not have, so that anybody's recordings can be learnt from.

What such a sound is called is its label, and what the index says of each recording. How it goes on, which decides how
examples are laid out, is heard in the recordings. A `captions.tsv` beside them, of the columns of `captions.py`, says
both better.
"""

from collections import Counter
from pathlib import Path

import numpy as np

from phonofilm.data.captions import LabelCaptions, load_captions
from phonofilm.data.manifest import RATE_HZ, Recording, SampleStore
from phonofilm.data.scenes import cut_events
from phonofilm.types import FloatArray

CAPTIONS_FILE = "captions.tsv"
STYLES = ("{}", "the sound of {}", "{} can be heard")
HEARD_RECORDINGS = 8
"""So many of a label are listened to; the commonest kind among them is taken."""
HEARD_S = 20.0
BLOCK_S = 0.05
STRUCK_DB = 20.0
"""Between blows, or when one has died away, it is so far quieter than at the loudest; what goes on is not."""
STRUCK_SHARE = 0.25
"""In this share of its length at least. A single sound that is shorter than SHORT_S is a blow however it ends."""
SHORT_S = 0.8


def captions_for(recordings: list[Recording], store: SampleStore, sounds: Path) -> dict[str, LabelCaptions]:
    """The table in the package, with the labels that `sounds`/captions.tsv or only the recordings name.

    recordings: as they lie in `store`. Raises InputError when the file is there and cannot be used.
    """
    table = load_captions()
    if (sounds / CAPTIONS_FILE).is_file():
        table |= load_captions(sounds / CAPTIONS_FILE)
    own: dict[str, list[int]] = {}
    for index, recording in enumerate(recordings):
        if recording.label not in table:
            own.setdefault(recording.label, []).append(index)
    for label, rows in own.items():
        table[label] = LabelCaptions(label, _kind(recordings, store, rows), _descriptions(label, recordings, rows))
    return table


def _kind(recordings: list[Recording], store: SampleStore, rows: list[int]) -> str:
    if all(recordings[index].category == "speech" for index in rows):
        return "speech"
    heard = [kind_of(store.samples(index)[: int(HEARD_S * RATE_HZ)]) for index in rows[:HEARD_RECORDINGS]]
    return Counter(heard).most_common(1)[0][0]


def _descriptions(label: str, recordings: list[Recording], rows: list[int]) -> tuple[str, ...]:
    told = [recordings[index].caption.replace("|", ",").strip() for index in rows]
    return tuple(dict.fromkeys([style.format(label) for style in STYLES] + [text for text in told if text]))


def kind_of(wave: FloatArray) -> str:
    """event, events or texture (see `captions.KINDS`), by what is heard in (S,) samples.

    Agrees with the table of captions for 84 of 93 labels of single blows, 80 of 107 that go on, 16 of 55 of several
    sounds (which are taken for either). Does not tell a held tone from a texture, nor words from other sounds.
    """
    block = int(BLOCK_S * RATE_HZ)
    if len(wave) < 2 * block:
        return "event"
    power = (wave[: len(wave) // block * block].reshape(-1, block).astype(np.float64) ** 2).mean(axis=1)
    rests = float((power < power.max() * 10 ** (-STRUCK_DB / 10)).mean())
    if len(cut_events(wave)) > 1 and rests >= STRUCK_SHARE:
        return "events"
    if rests >= STRUCK_SHARE or len(wave) < SHORT_S * RATE_HZ:
        return "event"
    return "texture"
