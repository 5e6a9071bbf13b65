"""Volumes: folders of a host that outlive the containers they are mounted in."""
