"""The panel: Django areas, the host side of them, and what connects the two."""
