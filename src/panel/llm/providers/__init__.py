"""Where models are called: the table of providers, its resolution, and the wire."""
