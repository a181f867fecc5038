"""Is a file ours? What its sound says by the watermark, and what it says of itself by signed credentials."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from phonofilm.mark.detect import Detection, Detector
from phonofilm.mark.key import PUBLIC_KEY, read_key
from phonofilm.mark.provenance import Credentials, read_credentials
from phonofilm.media.audio import audio_blocks, sound_tracks


@dataclass(frozen=True)
class Verdict:
    """What was found in a file.

    detection: in its sound, None where it has none; of several tracks the one that surest carries a mark.
    credentials: its Content Credentials, None where it has none or the extra that reads them is not installed.
    """

    path: Path
    duration_s: float
    detection: Detection | None
    credentials: Credentials | None

    @property
    def marked(self) -> bool:
        """The sound carries a mark; the chance of an error is below 1e-9."""
        return self.detection is not None and self.detection.marked


def detect(path: str | Path, keys: Sequence[str | Path] = ()) -> Verdict:
    """Look for the watermark in any media file, of any length, in memory that does not grow with it.

    keys: files of secret keys to look for beside the public one. Raises InputError when a file cannot be read.
    """
    path = Path(path)
    wanted = (PUBLIC_KEY, *(read_key(Path(key)) for key in keys))
    found: list[tuple[Detection, float]] = []
    for track in range(sound_tracks(path)):
        detector: Detector | None = None
        seconds = 0.0
        for block in audio_blocks(path, track):
            detector = detector or Detector(block.rate_hz, wanted)
            detector.feed(block.samples)
            seconds += float(block.duration_s)
        if detector is not None:
            found.append((detector.finish(), seconds))
    detection, duration_s = min(found, key=lambda pair: pair[0].log10_chance, default=(None, 0.0))
    return Verdict(path, duration_s, detection, read_credentials(path))
