"""Everything that visitors see: community, newsletter, site and server."""
