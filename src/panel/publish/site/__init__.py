"""The published pages: rendered once, for a static folder and for the server."""
