"""Containers: who asked for them, what should run, what the hosts say runs."""
