"""Images on the hosts: a mirror of what they report, and what may be asked about them."""
