"""The timecode that a clip begins with: SMPTE ST 12-1, counted in frames since midnight.

Timecode numbers frames, it does not measure time: at 29.97 frames a second an hour of labels lasts 3603.6 s. Drop-frame
leaves labels out (never frames) so that labels keep up with the clock: at 29.97 the first two of every minute but each
tenth, at 59.94 the first four.
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from av.container import InputContainer

from phonofilm.errors import MediaError
from phonofilm.media.probe import open_media, packets
from phonofilm.timeline import nearest, samples
from phonofilm.types import ClipInfo

logger = logging.getLogger(__name__)

NTSC = Fraction(1000, 1001)
STANDARD_RATES_HZ = tuple(
    sorted([*map(Fraction, (24, 25, 30, 48, 50, 60)), *(whole * NTSC for whole in (24, 30, 48, 60))])
)
RATE_TOLERANCE = Fraction(1, 4000)
"""Measured averages are a little off on clocks of milliseconds; 23.976 and 24 are four times as far apart as this."""
PATTERN = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})([:;.,])(\d{2,3})")
DROP_MARKS = ";.,"
"""What stands before the frames of drop-frame timecode; tape decks and FFmpeg differ."""


@dataclass(frozen=True)
class Timecode:
    """The frame at `frames` frames after midnight, at an exact rate; drop: how it is labelled."""

    frames: int
    rate_hz: Fraction
    drop: bool = False

    @property
    def time_s(self) -> Fraction:
        """How long after midnight the frame begins, in real seconds."""
        return self.frames / self.rate_hz

    def samples(self, rate_hz: int) -> int:
        """How many samples after midnight the frame begins, as `TimeReference` of Broadcast WAV counts."""
        return samples(self.time_s, rate_hz)

    def __str__(self) -> str:
        """hh:mm:ss:ff, or hh:mm:ss;ff for drop-frame; after 24 hours it begins anew."""
        whole = _labels_a_second(self.rate_hz)
        labels = self.frames
        if self.drop:
            ten_minutes, rest = divmod(labels, _frames_in_ten_minutes(whole))
            left_out = _left_out_a_minute(whole)
            # The first minute of ten is whole, the other nine are short.
            short = max(0, (rest - left_out) // (60 * whole - left_out))
            labels += left_out * (9 * ten_minutes + short)
        second, frame = divmod(labels, whole)
        digits = max(2, len(str(whole - 1)))
        clock = f"{second // 3600 % 24:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        return f"{clock}{';' if self.drop else ':'}{frame:0{digits}d}"


def frame_rate(rate_hz: Fraction) -> Fraction:
    """The standard rate that a measured one stands for, or the rate itself where it is near none."""
    near = min(STANDARD_RATES_HZ, key=lambda standard: abs(standard - rate_hz))
    return near if abs(near - rate_hz) <= near * RATE_TOLERANCE else rate_hz


def parse_timecode(text: str, rate_hz: Fraction) -> Timecode:
    """Read hh:mm:ss:ff (a semicolon or a point before the frames means drop-frame) at a frame rate.

    Raises MediaError when it is no timecode, holds a label that does not exist at this rate, or is drop-frame at a rate
    that has none.
    """
    found = PATTERN.fullmatch(text.strip())
    if found is None:
        raise MediaError(f"timecode {text!r} is not like 01:00:00:00; give hours, minutes, seconds and frames")
    hours, minutes, second, frame = (int(found[group]) for group in (1, 2, 3, 5))
    whole, drop = _labels_a_second(rate_hz), found[4] in DROP_MARKS
    if hours > 23 or minutes > 59 or second > 59 or frame >= whole:
        raise MediaError(f"timecode {text!r} does not exist at {float(rate_hz):.3f} frames a second; correct it")
    total_minutes = 60 * hours + minutes
    count = (60 * total_minutes + second) * whole + frame
    if drop:
        if not _has_drop(rate_hz):
            raise MediaError(
                f"timecode {text!r} is drop-frame, which {float(rate_hz):.3f} frames a second have not; "
                "write a colon before the frames"
            )
        left_out = _left_out_a_minute(whole)
        if minutes % 10 and not second and frame < left_out:
            raise MediaError(
                f"timecode {text!r} is one that drop-frame leaves out; take the next, frame {left_out:02d}"
            )
        count -= left_out * (total_minutes - total_minutes // 10)
    return Timecode(count, rate_hz, drop)


def start_timecode(clip: ClipInfo) -> Timecode | None:
    """The timecode of a clip's first frame, at the clip's own rate; None where it has none that can be read.

    Read from the timecode track of mov and mp4, and from the tags of mxf, mkv and other containers. Where a track
    counts at half the rate of the picture, as cameras do at 50 frames a second and more, it is doubled; tags do not
    tell, they are taken as counted at the rate of the picture. Raises MediaError when the file cannot be read.
    """
    rate_hz = frame_rate(clip.video.average_rate_hz)
    with open_media(clip.path) as container:
        text = next(_tags(container), None)
        if text is None:
            return None
        counter = _track_counter(container, clip)
    try:
        return _at_rate(text, counter, rate_hz)
    except MediaError as error:
        logger.warning("%s: %s; it is taken as without timecode", clip.path, error)
        return None


def _at_rate(text: str, counter: int | None, rate_hz: Fraction) -> Timecode:
    """counter: the number behind the label, which tells at which rate the label counts; None where it is not known."""
    if counter is not None:
        try:
            half = parse_timecode(text, rate_hz / 2)
        except MediaError:  # a label that half the rate has not counts at the whole
            return parse_timecode(text, rate_hz)
        if half.frames == counter:
            return Timecode(2 * half.frames, rate_hz, half.drop)
    return parse_timecode(text, rate_hz)


def _tags(container: InputContainer) -> Iterator[str]:
    """Every timecode written down: those of timecode tracks, of the picture, of the file."""
    data = [stream for stream in container.streams if stream.type == "data"]
    places = [*(stream.metadata for stream in (*data, *container.streams.video)), container.metadata]
    for place in places:
        yield from (value for key, value in place.items() if key.lower() == "timecode")


def _track_counter(container: InputContainer, clip: ClipInfo) -> int | None:
    """The frame number that the timecode track of a mov or mp4 holds: four bytes, the most significant first."""
    for stream in container.streams:
        if stream.type == "data" and "timecode" in stream.metadata:
            for packet in packets(container, stream, clip.path):
                if packet.size == 4:
                    return int.from_bytes(bytes(packet), "big")
    return None


def _labels_a_second(rate_hz: Fraction) -> int:
    return max(1, nearest(rate_hz))


def _has_drop(rate_hz: Fraction) -> bool:
    whole = _labels_a_second(rate_hz)
    return whole % 30 == 0 and rate_hz == whole * NTSC


def _left_out_a_minute(whole: int) -> int:
    """Two labels at 30 a second, four at 60."""
    return whole // 15


def _frames_in_ten_minutes(whole: int) -> int:
    return 600 * whole - 9 * _left_out_a_minute(whole)
