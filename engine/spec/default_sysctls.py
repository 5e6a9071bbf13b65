"""Kernel settings that a network of a container's own has unless it asks for others, as with Docker.

Imported by the launcher, so nothing else is.
"""

PORT_START, PING_GROUPS = "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range"

OF_OWN_IDS = {PORT_START: "0", PING_GROUPS: "0 65535"}
"""Where the container has a user namespace: every user listens on any port, and every group that is there may ping."""
OF_HOSTS_IDS = {PORT_START: "0", PING_GROUPS: "0 2147483647"}
"""The same where all of the host's ids are there."""
