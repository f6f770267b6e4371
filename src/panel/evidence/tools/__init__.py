"""The things under review: what a tool is, and reading lists of them."""
