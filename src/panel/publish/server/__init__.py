"""The pages live: votes, sign-in, subscriptions, review requests, and the API."""
