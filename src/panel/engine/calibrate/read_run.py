"""A calibration run read from its journal: reviews by sample, and raw yes/no differences.

Answers are found by their question, not by the run that noted them: an answer may have been paid
for in an earlier run.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence

from panel.engine.calibrate.cases import Case
from panel.engine.calibrate.votes import CaseAnswers
from panel.evidence.budget import choose
from panel.foundation.errors import BadReply
from panel.reviews import prompts
from panel.reviews.personas import Persona
from panel.reviews.prompts import Brief
from panel.reviews.strategies.calibrated import EMPTY_TOOL
from panel.reviews.strategies.yes_no import read_yes_no
from panel.runs.journal.call_rows import row_reply, text_digest
from panel.runs.journal.schema import CALL_COLUMNS
from panel.runs.run import Run

Differences = Mapping[str, float]
"""ln p(yes) − ln p(no) by `persona.criterion`."""

_Question = tuple[str, str, int]
"""Digest of the shared part, tail, sample."""


def case_answers(run: Run, cases: Sequence[Case]) -> list[CaseAnswers]:
    """Return the judge's answers about every case that was finished."""
    samples = range(run.manifest.samples)
    answers = []
    finished = run.judged_tools()
    for case in cases:
        if case.slug not in finished:
            continue
        evidence, reviews = run.evidence(case.slug), run.reviews(case.slug)
        missing = run.missing(case.slug)
        answers.append(
            CaseAnswers(
                case=case,
                held=evidence is not None and any(s.flags for s in evidence.sources),
                reviews=tuple(tuple(r for (_, n), r in reviews.items() if n == k) for k in samples),
                missing=tuple(tuple(m for (_, n), m in missing.items() if n == k) for k in samples),
            )
        )
    return answers


class Lookup:
    """The raw differences of a stepwise run; empty where log-probabilities are missing."""

    def __init__(self, run: Run, personas: Sequence[Persona]) -> None:
        self._run = run
        self._personas = personas
        self._differences = dict(_differences(run))
        self._tools = {tool.slug: tool for tool in run.tools()}

    def empty(self) -> Differences | None:
        """Return the differences on an empty tool, None where not every question has one."""
        return self._of(EMPTY_TOOL)

    def case(self, slug: str) -> Differences | None:
        """Return the differences of one case, None where not every question has one."""
        evidence = self._run.evidence(slug)
        if evidence is None:
            return None
        manifest = self._run.manifest
        chosen = choose(evidence, manifest.evidence_tokens)
        return self._of(Brief(self._tools[slug], chosen.passages, manifest.context))

    def _of(self, brief: Brief) -> Differences | None:
        shared = text_digest(prompts.shared(brief))
        differences = {}
        for persona in self._personas:
            for criterion in persona.criteria:
                question = (shared, prompts.question_tail(criterion.question), 0)
                if (difference := self._differences.get(question)) is None:
                    return None
                differences[f"{persona.name}.{criterion.id}"] = difference
        return differences


def _differences(run: Run) -> Iterator[tuple[_Question, float]]:
    for call in run.stored.calls():
        if call["status"] != "ok" or not call["logprobs"] or call["max_tokens"] != 1:
            continue
        # A row that cannot be read is damaged, or answers another kind of question.
        with contextlib.suppress(BadReply, ValueError, KeyError, TypeError):
            answer = read_yes_no(row_reply(tuple(call[name] for name in CALL_COLUMNS)))
            if answer.difference is not None:
                yield (call["shared"], call["tail"], call["sample"]), answer.difference
