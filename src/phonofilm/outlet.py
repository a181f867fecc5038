"""The one way out: generated sound is marked and written here and nowhere else.

Every sound that can bear it carries the watermark; every file a comment that names model, seed and take, and signed
Content Credentials where they are wanted.
"""

import importlib.metadata
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import numpy as np

from phonofilm.errors import OptionError, PhonofilmError
from phonofilm.mark.certificate import MISSING_EXTRA, Identity, local_folder, local_identity, read_identity
from phonofilm.mark.detect import detect
from phonofilm.mark.embed import mark
from phonofilm.mark.key import PUBLIC_KEY, read_key
from phonofilm.mark.payload import TAKE_LIMIT, Payload, month_now
from phonofilm.mark.provenance import SIGNED_SUFFIXES, Claim, Content, can_sign, sign
from phonofilm.media.audio import MAKER, write_audio
from phonofilm.media.broadcast import BroadcastRecord, Loudness, add_broadcast
from phonofilm.media.mux import mux
from phonofilm.media.timecode import Timecode
from phonofilm.mix.loudness import integrated_lufs, limit, limiting_gain, true_peak
from phonofilm.mix.stems import summed
from phonofilm.settings import AddOptions, MakeOptions
from phonofilm.types import ClipInfo, FloatArray, Waveform

logger = logging.getLogger(__name__)

FULL_SCALE_16_BIT = 32767
SURE_LOG10_CHANCE = -12.0
"""The detector says yes at 1e-9. Lossy codecs may take a factor of a thousand, and in two seconds of sound there is
little more."""
BROADCAST_SUFFIX = ".wav"


@dataclass(frozen=True)
class Sealed:
    """Marked sound, the only kind that can be written. marked: a detector finds the mark in it.

    content: what it says of itself, by its Content Credentials, where it is written alone.
    """

    sound: Waveform
    payload: Payload
    marked: bool
    content: Content = Content.GENERATED


class Outlet:
    """Where the takes of one call leave.

    model, number: its name, and its number in the watermark. Raises OptionError at once when takes cannot be signed or
    marked as is asked.
    """

    def __init__(self, model: str, number: int, prompt: str, chosen: AddOptions | MakeOptions) -> None:
        self._model, self._number = model, number
        self._prompt = prompt if chosen.tell_prompt else None
        self._identity = _identity(chosen)
        self._must_sign = chosen.credentials == "on" or bool(chosen.certificate)
        self._key = read_key(Path(chosen.key)) if chosen.key else PUBLIC_KEY

    def seal(self, sound: Waveform, fresh: FloatArray | None = None) -> Sealed:
        """Put the watermark in.

        fresh: (S,) 0 to 1, how much of each sample is new; what is not new is left as it is, sample for sample.
        """
        payload = Payload(self._number, month_now(), _take_number(sound))
        # The mark raises peaks by up to a decibel, and the limiter leaves the mark as it is.
        marked = limit(mark(sound, payload, self._key).sound)
        if fresh is not None:
            marked = Waveform(sound.samples + fresh * (marked.samples - sound.samples), sound.rate_hz)
        return self._told(self._sealed(marked, payload, fresh is not None))

    def seal_layers(self, layers: dict[str, Waveform]) -> tuple[Sealed, dict[str, Sealed]]:
        """Put the watermark into layers, which have one rate and shape, alike, so that it is in any mix of them too.

        Returns the mix of all and the layers, which add up to it.
        """
        whole = summed(layers)
        payload = Payload(self._number, month_now(), _take_number(whole))
        first_slot = mark(whole, payload, self._key).first_slot
        marked = {name: mark(layer, payload, self._key, first_slot).sound for name, layer in layers.items()}
        gain = limiting_gain(summed(marked))
        marked = marked if gain is None else _times(marked, gain)
        return self._sealed_layers(marked, summed(marked), payload, False)

    def seal_anew(
        self, layers: dict[str, Waveform], new: str, fresh: FloatArray, before: Waveform | None = None
    ) -> tuple[Sealed, dict[str, Sealed]]:
        """Put the watermark into what is new of layers that were marked before.

        new: the name of the layer that has changed. fresh: (S,) 0 to 1, how much of each of its samples is new.
        Everything else is left as it is, sample for sample. before: the mix as it was written, which was rounded once
        and not layer by layer. Returns as `seal_layers`.
        """
        payload = Payload(self._number, month_now(), _take_number(summed(layers)))
        change = mark(layers[new], payload, self._key).sound.samples - layers[new].samples
        marked = layers | {new: Waveform(layers[new].samples + fresh * change, layers[new].rate_hz)}
        gain = limiting_gain(summed(marked))
        marked = marked if gain is None else _times(marked, 1 + fresh * (gain - 1))
        whole = summed(marked)
        if before is not None:
            whole = Waveform(np.where(fresh > 0, whole.samples, before.samples), whole.rate_hz)
        return self._sealed_layers(marked, whole, payload, True)

    def _sealed_layers(
        self, marked: dict[str, Waveform], whole: Waveform, payload: Payload, edited: bool
    ) -> tuple[Sealed, dict[str, Sealed]]:
        sealed = {name: self._sealed(layer, payload, edited) for name, layer in marked.items()}
        return self._told(self._sealed(whole, payload, edited)), sealed

    def _sealed(self, sound: Waveform, payload: Payload, edited: bool) -> Sealed:
        """What the mark says when it is looked for; in an edited take that may be what it said before."""
        found = detect(sound, (self._key,), thorough=False)
        sure = found.log10_chance <= SURE_LOG10_CHANCE
        if sure and (found.payload == payload or any(span.payload == payload for span in found.spans)):
            return Sealed(sound, payload, True)
        if edited and sure:
            return Sealed(sound, found.payload or payload, True)
        return Sealed(sound, payload, False)

    def _told(self, sealed: Sealed) -> Sealed:
        if not sealed.marked:
            logger.warning(
                "the sound of take %s is too quiet, short or plain to carry the watermark; the file's tags alone say "
                "that it is generated",
                sealed.payload.take_id,
            )
        return sealed

    def video(
        self,
        sealed: Sealed,
        clip: ClipInfo,
        path: Path,
        seed: int,
        start: Timecode | None = None,
        said: Sequence[str] = (),
    ) -> Path:
        """The clip with the sound in place of its own; returns where it really went. Raises OutputError.

        said: what its comment says besides.
        """
        timecode = {} if start is None else {"timecode": str(start)}
        written = mux(clip, sealed.sound, path, metadata={"comment": self._comment(sealed, seed, said), **timecode})
        return self._signed(written, sealed, seed, clip, Content.COMPOSITE)

    def audio(
        self,
        sealed: Sealed,
        path: Path,
        seed: int,
        start: Timecode | None = None,
        clip: ClipInfo | None = None,
        said: Sequence[str] = (),
    ) -> Path:
        """The sound alone; WAV as Broadcast WAV, which says where it begins. Raises OutputError.

        clip: whose own sound is in it, if any is. said: as `video`.
        """
        write_audio(sealed.sound, path, self._comment(sealed, seed, said))
        if path.suffix.lower() == BROADCAST_SUFFIX:
            add_broadcast(path, self._record(sealed, seed, start))
        return self._signed(path, sealed, seed, clip, sealed.content)

    def _record(self, sealed: Sealed, seed: int, start: Timecode | None) -> BroadcastRecord:
        sound = sealed.sound
        peak = true_peak(sound)
        return BroadcastRecord(
            description=self._comment(sealed, seed),
            originator="phonofilm",
            reference=f"phonofilm take {sealed.payload.take_id}",
            made=datetime.now(),
            start_samples=0 if start is None else start.samples(sound.rate_hz),
            tool=f"phonofilm {_version()}",
            loudness=Loudness(integrated_lufs(sound), true_peak_dbtp=20 * math.log10(peak) if peak > 0 else None),
        )

    def _comment(self, sealed: Sealed, seed: int, said: Sequence[str] = ()) -> str:
        parts = [MAKER, f"model {self._model}", f"seed {seed}", f"take {sealed.payload.take_id}", *said]
        return ", ".join(filter(None, parts))

    def _signed(self, path: Path, sealed: Sealed, seed: int, clip: ClipInfo | None, content: Content) -> Path:
        if self._identity is None:
            return path
        watermark = sealed.payload.message if sealed.marked else None
        try:
            claim = Claim(path.stem, self._model, _version(), seed, watermark, self._prompt)
            parent = None if clip is None or content is Content.GENERATED else clip.path
            signed = sign(path, claim, self._identity, parent, content)
        except PhonofilmError as error:
            if self._must_sign:
                path.unlink()  # a file without the credentials that were asked for is not what was asked for
                raise
            logger.warning("%s; it is written without Content Credentials", error)
            return path
        if not signed:
            places = ", ".join(SIGNED_SUFFIXES)
            logger.info("%s has no place for Content Credentials, or its clip has none; %s have", path.name, places)
        return path


def _version() -> str:
    return importlib.metadata.version("phonofilm")


def _times(layers: dict[str, Waveform], gain: FloatArray) -> dict[str, Waveform]:
    return {name: Waveform(layer.samples * gain, layer.rate_hz) for name, layer in layers.items()}


def _take_number(sound: Waveform) -> int:
    """Two bytes that tell takes apart: made from the sound, so that the same take has the same number."""
    whole = np.round(sound.samples * FULL_SCALE_16_BIT).astype("<i4")
    return int.from_bytes(sha256(whole.tobytes()).digest()[:2], "big") % TAKE_LIMIT


def _identity(chosen: AddOptions | MakeOptions) -> Identity | None:
    """Who signs; None for nobody. Raises OptionError when the certificate is no good or the extra is missing."""
    named = bool(chosen.certificate)
    if chosen.credentials == "off" or (chosen.credentials == "auto" and not named and not can_sign()):
        return None
    if not can_sign():
        raise OptionError(MISSING_EXTRA)
    if named:
        return read_identity(Path(chosen.certificate), Path(chosen.certificate_key))
    return local_identity(local_folder())
