"""WebSockets: what a browser sees live."""
