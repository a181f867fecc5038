"""Training data: manifest, captions, scenes laid out from recordings, shards."""
