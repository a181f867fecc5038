"""Waveform to latents and back."""
