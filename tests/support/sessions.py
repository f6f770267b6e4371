"""Sessions worked to their end."""

from panel.engine.session import Session
from panel.reviews.verdict.scorecard import Scorecard
from panel.runs.run import Run


async def worked(session: Session) -> list[Scorecard]:
    """Work a session and return its scorecards in tool order, as they are stored."""
    await session.work()
    with Run.open(session.run.path) as run:
        return run.cards()
