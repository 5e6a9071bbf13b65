"""How fast and how small Moorage is, measured side by side with its peers. `make bench`; never part of the tests."""
