"""The first page: what runs, what failed, what happened last, and how the host is."""
