"""Real services for tests: each started on private sockets in a temporary folder, gone when the run ends."""
