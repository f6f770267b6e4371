"""The labelled citations: each names a criterion that is asked, and both answers are there."""

from benchmarks.labels import labels

from panel.foundation.paths import data_folder
from panel.reviews.personas import load_personas


def test_every_label_names_a_fact_that_is_asked_and_says_why():
    facts = {
        f"{p.name}.{c.id}"
        for p in load_personas(folders=[data_folder("personas")])
        for c in p.criteria
        if c.kind == "fact"
    }
    rows = labels()
    assert len(rows) >= 40
    assert {row.criterion for row in rows} <= facts
    assert {row.shows for row in rows} == {True, False}
    assert len({(row.tool, row.criterion, row.passage) for row in rows}) == len(rows)
    assert all(row.why for row in rows)
