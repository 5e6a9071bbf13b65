"""`/v2/` on the wire: requests, routes, answers, and the ASGI application that streams blobs both ways."""
