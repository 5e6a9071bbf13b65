"""Layers: read once, verified, unpacked into what overlayfs takes."""
