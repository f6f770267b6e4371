"""What people say: identities, votes, subscribers and review requests, in one database."""
