"""Calls: every question to a model goes through here, and every attempt is kept."""

from panel.calls.asking import Answered, Calls
from panel.calls.gate import Pacing
from panel.calls.keys import question_digest, request_key

__all__ = ["Answered", "Calls", "Pacing", "question_digest", "request_key"]
