"""The studio's server: a page for people and a REST API for programs, both before the one pipeline."""
