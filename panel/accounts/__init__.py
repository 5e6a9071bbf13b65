"""People, their roles and tokens, and who is acting in a request."""
