"""The machines that run containers, as their host workers report them."""
