"""One file per encoder: frames or words in, features out."""
