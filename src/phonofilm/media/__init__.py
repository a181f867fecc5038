"""Files: probe, frames in, sound in and out, muxing. The only room that knows PyAV."""
