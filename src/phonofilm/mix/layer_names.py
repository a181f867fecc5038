"""What the layers of a take are called, in the names of their files too."""

EFFECTS, MUSIC, DIALOGUE, ORIGINAL = "effects", "music", "dialogue", "original"
"""ORIGINAL is the clip's own sound."""
LAYERS = (EFFECTS, MUSIC, DIALOGUE, ORIGINAL)
