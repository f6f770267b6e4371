"""Everything that strangers see: community, newsletter, site and server."""
