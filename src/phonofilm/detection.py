"""Is a file ours? What its sound says by the watermark, and what it says of itself by signed credentials."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phonofilm.errors import OptionError
from phonofilm.mark.detect import Detection, Detector
from phonofilm.mark.key import PUBLIC_KEY, read_key
from phonofilm.mark.payload import Payload
from phonofilm.mark.provenance import Credentials, read_credentials
from phonofilm.media.audio import audio_blocks, sound_tracks
from phonofilm.settings import path_of, shown
from phonofilm.weights.registry import model_called


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
    path = path_of("the file", path)
    if isinstance(keys, str | bytes) or not isinstance(keys, Sequence):
        raise OptionError(f"keys is {shown(keys)}; give a list of key files, as ['my.key']")
    wanted = (PUBLIC_KEY, *(read_key(path_of("the key", key)) for key in keys))
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


def facts(verdict: Verdict) -> dict[str, Any]:
    """A verdict as plain values for JSON, without the name of the file."""
    found, credentials = verdict.detection, verdict.credentials
    result: dict[str, Any] = {"marked": verdict.marked, "duration_s": round(verdict.duration_s, 3)}
    if found is not None:
        result |= {"chance": found.chance, "log10_chance": round(found.log10_chance, 2), "score": round(found.score, 2)}
    if found is not None and found.marked:
        result |= {"key": found.key, **_said(found.payload)}
        result |= {"tempo": round(found.tempo, 4), "semitones": round(found.semitones, 2)}
        result["spans"] = [
            {"start_s": span.start_s, "end_s": round(span.end_s, 3), **_said(span.payload)} for span in found.spans
        ]
    result["credentials"] = credentials and {
        "state": credentials.state,
        "signer": credentials.signer,
        "software": credentials.software,
        "generated": credentials.generated,
        "model": credentials.model,
        "prompt": credentials.prompt,
    }
    return result


def _said(payload: Payload | None) -> dict[str, Any]:
    if payload is None:
        return {"model": None, "made": None, "take": None}
    return {"model": model_called(payload.model), "made": payload.made, "take": payload.take_id}
