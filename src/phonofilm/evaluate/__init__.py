"""Measures of finished sound: sync and meaning."""
