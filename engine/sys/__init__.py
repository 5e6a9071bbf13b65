"""System calls under their own names, through ctypes."""
