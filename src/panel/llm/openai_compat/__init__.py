"""OpenAI-compatible servers: request, response, stream and errors on the wire."""
