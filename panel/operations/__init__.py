"""What runs on a host: queued, watched, cancelled, recorded exactly once."""
