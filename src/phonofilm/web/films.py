"""Loaded models, each once. The pipeline itself is imported when the first is needed: it brings torch."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from phonofilm.cues import CueSheet
from phonofilm.types import Progress
from phonofilm.weights.registry import find_model

if TYPE_CHECKING:
    from phonofilm.pipeline import Take


class Film(Protocol):
    """What the studio wants of a loaded model: the public face of `Phonofilm`."""

    def spot(self, clip: Path, progress: Progress) -> CueSheet:
        """See `Phonofilm.spot`."""

    def add_sound(self, clip: Path, output: Path, **options: Any) -> "list[Take]":
        """See `Phonofilm.add_sound`."""


Loader = Callable[[str, str], Film]
"""Model and device → a loaded model."""
SPOTTER = "tiny"
"""Looking needs none of the generators' weights, and this model loads at once."""


def load_film(model: str, device: str, weights_dir: Path | None = None) -> Film:
    """Raises PhonofilmError when a model cannot be had. weights_dir: where those that are not in the package lie."""
    from phonofilm.pipeline import Phonofilm

    film: Any = Phonofilm.load(model, device, weights_dir=weights_dir if find_model(model).outside else None)
    return cast(Film, film)


class Films:
    """Models by name, kept once they are loaded."""

    def __init__(self, device: str, load: Loader = load_film) -> None:
        self._device, self._load = device, load
        self._films: dict[str, Film] = {}
        self._lock = threading.Lock()

    def get(self, model: str) -> Film:
        """Raises PhonofilmError when it cannot be loaded."""
        with self._lock:
            if model not in self._films:
                self._films[model] = self._load(model, self._device)
            return self._films[model]

    def spotter(self) -> Film:
        """The one that looks, as `phonofilm spot` does."""
        return self.get(SPOTTER)
