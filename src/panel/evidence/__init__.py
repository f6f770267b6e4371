"""What is known about a tool: sources, cut into passages that a finding can cite."""
