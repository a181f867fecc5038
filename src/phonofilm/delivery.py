"""What is written of a take: the film or its sound, and the layers beside it."""

from dataclasses import dataclass, field
from pathlib import Path

from phonofilm.media.files import replacing
from phonofilm.mix.stems import MUSIC
from phonofilm.outlet import Outlet, Sealed
from phonofilm.outputs import MIX, stem_path
from phonofilm.score.midi import write_midi
from phonofilm.score.piece import Score
from phonofilm.types import ClipInfo


@dataclass(frozen=True)
class Delivery:
    """Where things were written. stems: by name; beside a film the mix itself is among them."""

    path: Path
    stems: dict[str, Path] = field(default_factory=dict)


def deliver(
    outlet: Outlet, clip: ClipInfo, sealed: Sealed, stems: dict[str, Sealed], path: Path, seed: int, audio_only: bool
) -> Delivery:
    """Write one take to `path`, and its stems beside it. Raises OutputError."""
    written = outlet.audio(sealed, path, seed) if audio_only else outlet.video(sealed, clip, path, seed)
    layers = stems if audio_only or not stems else stems | {MIX: sealed}
    return Delivery(written, {name: outlet.audio(stem, stem_path(path, name), seed) for name, stem in layers.items()})


def deliver_notes(score: Score | None, earlier: Path | None, stems: dict[str, Path]) -> None:
    """Write the notes beside the music: of a new piece, or those of the earlier take. Raises OutputError."""
    if MUSIC not in stems:
        return
    path = stems[MUSIC].with_suffix(".mid")
    if score is not None:
        write_midi(score, path)
    elif earlier is not None and earlier != path:
        with replacing(path) as partial:
            partial.write_bytes(earlier.read_bytes())
