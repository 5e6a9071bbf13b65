"""What all pages share: who may open one, how a list is filtered, sorted and paged, and the template tags."""
