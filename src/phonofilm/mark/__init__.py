"""What marks generated sound as generated: signed provenance."""
