"""The community's data: identities, votes, subscribers and review requests, in one database."""
