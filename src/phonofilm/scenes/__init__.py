"""What a network is told about one soundtrack: one file per kind of model, one interface for the pipeline."""
