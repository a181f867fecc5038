"""A score for a picture: what the music should be, composed, played by a sound font, written as MIDI."""
