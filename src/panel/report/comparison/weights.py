"""How much an answer counts: the weight of its criterion times that of its persona. Pure."""

from collections.abc import Iterable, Mapping

from panel.review.personas import Persona

Weights = Mapping[tuple[str, str], float]
"""By persona and criterion."""


def weights_of(personas: Iterable[Persona]) -> dict[tuple[str, str], float]:
    """Return the weights of all criteria of these personas."""
    return {(p.name, c.id): p.weight * c.weight for p in personas for c in p.criteria}


def between(one: Weights, two: Weights) -> dict[tuple[str, str], float]:
    """Return the weights of two panels: the mean where both know one, else whichever knows it."""
    return {
        key: (one.get(key, two.get(key, 0.0)) + two.get(key, one.get(key, 0.0))) / 2
        for key in [*one, *(key for key in two if key not in one)]
    }
