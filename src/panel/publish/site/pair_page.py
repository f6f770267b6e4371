"""A comparison: in short for lists, and its page with the community's votes on both tools."""

from collections.abc import Iterable
from dataclasses import dataclass

from panel.publish import page_urls
from panel.publish.community.tally import Tally, VoteCount
from panel.publish.site.catalog import Catalog
from panel.publish.site.context import SiteContext
from panel.publish.site.pairs import Pair
from panel.publish.site.tool_summary import ToolSummary, tool_summary
from panel.report.comparison.advice import with_advice
from panel.report.comparison.comparison import CommunityCount, CommunityVotes, compare, weights_of
from panel.report.comparison.lookup import nearest
from panel.report.comparison.view import PairView, pair_view


def pair_page(
    context: SiteContext, pair: Pair, tally_one: Tally | None, tally_two: Tally | None
) -> PairView:
    """Return what the page shows. Raises `RunError` where a card cannot be read."""
    known = context.catalogue.histories
    one, two = (context.read(known[key].latest) for key in pair)
    personas = (reviewer.persona for reviewer in context.catalogue.reviewers.values())
    comparison = compare(
        one,
        two,
        weights=weights_of(persona for persona in personas if persona),
        community_a=_community(tally_one),
        community_b=_community(tally_two),
        nearest=nearest(known.values(), one, two),
    )
    return pair_view(with_advice(comparison))


def _community(tally: Tally | None) -> CommunityVotes | None:
    if tally is None or not tally.verified.total + tally.anonymous.total:
        return None
    return CommunityVotes(verified=_ballot(tally.verified), anonymous=_ballot(tally.anonymous))


def _ballot(count: VoteCount) -> CommunityCount:
    return CommunityCount(ship=count.ship, skip=count.skip)


@dataclass(frozen=True)
class PairSummary:
    """Two tools and the page that compares them."""

    path: str
    one: ToolSummary
    two: ToolSummary


def pair_summaries(catalogue: Catalog, chosen: Iterable[Pair]) -> tuple[PairSummary, ...]:
    """Return comparisons in short, in the order given."""
    known = catalogue.histories
    return tuple(
        PairSummary(
            page_urls.pair(*pair), tool_summary(known[pair.one]), tool_summary(known[pair.two])
        )
        for pair in chosen
    )
