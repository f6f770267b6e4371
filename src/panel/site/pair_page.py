"""A comparison's page: two tools' newest verdicts, with the community's votes on each."""

from panel.community.tally import Count, Tally
from panel.comparison.advice import advised
from panel.comparison.ballot import Ballot, Community
from panel.comparison.comparison import compare
from panel.comparison.weights import weights_of
from panel.render.pair import PairView, pair_view
from panel.site.pairing import Pair
from panel.site.subject import Subject


def pair_page(
    subject: Subject, pair: Pair, tally_one: Tally | None, tally_two: Tally | None
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
    return pair_view(advised(found))


def _community(tally: Tally | None) -> Community | None:
    if tally is None or not tally.verified.total + tally.anonymous.total:
        return None
    return Community(verified=_ballot(tally.verified), anonymous=_ballot(tally.anonymous))


def _ballot(count: Count) -> Ballot:
    return Ballot(ship=count.ship, skip=count.skip)
