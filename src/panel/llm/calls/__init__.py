"""Calls: every request to a model goes through here, and every attempt is recorded."""

from panel.llm.calls.client import ChatClient, ParsedAnswer, request_digest, request_key
from panel.llm.calls.limiter import Pacing

__all__ = ["ChatClient", "Pacing", "ParsedAnswer", "request_digest", "request_key"]
