"""When the packets of a picture are decoded and shown, as containers want to be told."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from phonofilm.errors import MediaError
from phonofilm.media.probe import open_media, packets, video_stream
from phonofilm.timeline import nearest
from phonofilm.types import ClipInfo

FINEST_RATE_HZ = Fraction(1000)
LARGEST_ROUNDING_S = Fraction(1, 500)
"""Timestamps in milliseconds are this near to those of an even rate, and a little more where they were cut off."""


def packet_stamps(clip: ClipInfo) -> list[tuple[int, int, int]]:
    """(pts, dts, length) of every packet, in the file's order, as a container wants them.

    The length is how long its picture stays, up to the next one or the end of the clip. Raises MediaError when
    timestamps are missing.
    """
    with open_media(clip.path) as source:
        picture = video_stream(source, clip.path)
        base = picture.time_base or Fraction(1, 1000)
        found = [(packet.pts, packet.dts) for packet in packets(source, picture, clip.path) if packet.size]
    given = [(pts if pts is not None else dts, dts) for pts, dts in found]
    whole = [(pts, dts) for pts, dts in given if pts is not None]
    if len(whole) < len(given):
        raise MediaError(f"{clip.path} has pictures without timestamps; put it into mp4 or mkv first")
    shown = [*sorted(pts for pts, _ in whole), round((clip.start_s + clip.duration_s) / base)]
    lengths = {here: max(0, after - here) for here, after in pairwise(shown)}
    return [(pts, dts, lengths[pts]) for pts, dts in decoding_order(whole)]


def decoding_order(stamps: "Sequence[tuple[int, int | None]]") -> list[tuple[int, int]]:
    """Presentation times untouched, decoding times rising and never after them.

    Matroska stores no decoding times, and MPEG program streams repeat some. Those of the file stay when all are good;
    else they are the sorted presentation times, moved back until no picture is decoded after it is shown.
    """
    good = [(pts, dts) for pts, dts in stamps if dts is not None and dts <= pts]
    if len(good) == len(stamps) and all(a[1] < b[1] for a, b in pairwise(good)):
        return good
    rising: list[int] = []
    for pts in sorted(pts for pts, _ in stamps):
        rising.append(max(pts, rising[-1] + 1) if rising else pts)
    delay = max((dts - pts for dts, (pts, _) in zip(rising, stamps, strict=True)), default=0)
    return [(pts, dts - max(0, delay)) for dts, (pts, _) in zip(rising, stamps, strict=True)]


def in_order(stamps: "Sequence[tuple[int, int, int]]") -> bool:
    """Whether pictures are shown in the order in which they are decoded."""
    return all(pts == dts for pts, dts, _ in stamps)


def counted_rate(times_s: "Sequence[Fraction]", rate_hz: Fraction) -> Fraction:
    """The rate by which AVI counts frames: the clip's, where each time is that of a frame of its own.

    Else a thousand a second; gaps are filled with empty frames, which costs bytes and tells programs a strange rate.
    times_s: from the first picture on.
    """
    rate_hz = min(rate_hz, FINEST_RATE_HZ)  # raw DV says 60 000
    numbers = [nearest(time_s * rate_hz) for time_s in times_s]
    rounding_s = max(abs(number / rate_hz - time_s) for number, time_s in zip(numbers, times_s, strict=True))
    even = rounding_s < LARGEST_ROUNDING_S and all(a < b for a, b in pairwise(numbers))
    return rate_hz if even else FINEST_RATE_HZ
