"""Speech from a transcript, in time with the mouths that are seen: script, speak, lips, align."""
