"""Levels, loudness and place: the only room that speaks dB, LUFS and pan."""
