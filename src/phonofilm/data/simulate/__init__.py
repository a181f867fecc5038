"""A simulated world: scenes whose truth is known exactly, drawn and sounded in step."""
