"""The host agent: bulk and live bytes of one host, over HTTP on a unix socket."""
