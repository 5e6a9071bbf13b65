"""Files on their way from a browser or a program to a host: streamed through, never held."""
