"""Names to built networks: the registry of models, fetching and loading."""
