"""Tar streams: read, written, packed from a folder and unpacked beneath one, trusting nothing."""
