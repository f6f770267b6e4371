"""A comparison's page: two tools' newest verdicts, with the community's votes on each."""

from panel.publish.community.tally import Tally, VoteCount
from panel.publish.site.context import SiteContext
from panel.publish.site.pairing import Pair
from panel.report.comparison.advice import with_advice
from panel.report.comparison.comparison import CommunityCount, CommunityVotes, compare, weights_of
from panel.report.comparison.view import PairView, pair_view


def pair_page(
    subject: SiteContext, pair: Pair, tally_one: Tally | None, tally_two: Tally | None
) -> PairView:
    """Return what the page shows. Raises `RunError` where a card cannot be read."""
    known = subject.catalogue.histories
    one, two = (subject.read(known[key].latest) for key in pair)
    personas = (each.persona for each in subject.catalogue.reviewers.values())
    found = compare(
        one,
        two,
        weights=weights_of(each for each in personas if each),
        community_a=_community(tally_one),
        community_b=_community(tally_two),
    )
    return pair_view(with_advice(found))


def _community(tally: Tally | None) -> CommunityVotes | None:
    if tally is None or not tally.verified.total + tally.anonymous.total:
        return None
    return CommunityVotes(verified=_ballot(tally.verified), anonymous=_ballot(tally.anonymous))


def _ballot(count: VoteCount) -> CommunityCount:
    return CommunityCount(ship=count.ship, skip=count.skip)
