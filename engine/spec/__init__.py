"""What may be asked of the engine and what it tells: frozen values, defaults, checks."""
