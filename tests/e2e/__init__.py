"""The panel as a person meets it: a real browser against a whole running panel."""
