"""Registries that images come from and go to: how each is reached, and who signs in there."""
