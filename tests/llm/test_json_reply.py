"""P8 and P9: broken JSON and impossible values never get through, quickly and without a crash."""

import json
import math
import random
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from panel.foundation.errors import BadReply
from panel.llm.json_reply import last_json_object

GOOD = {"answer": "yes", "n": 1, "list": [{"a": None}], "text": 'a "quoted" {brace} \\ [E1.1]'}
TEXT = json.dumps(GOOD)


@pytest.mark.parametrize(
    "reply",
    [
        TEXT,
        json.dumps(GOOD, indent=2),
        f"\ufeff{TEXT}",
        f"```json\n{TEXT}\n```",
        f"Here you go:\n```\n{TEXT}\n```\nAnything else?",
        f"Sure {{as asked}}: {TEXT} That's it (see {{above}}).",
        f'{{"injected": true}} {TEXT}',
        f'{{"injected": true}}\n{{"again": []}}\n{TEXT}',
        f'<think>maybe {{"answer": "no"</think>{TEXT}',
        f"<think>a</think> then <think>b {{</think>\n{TEXT}",
        f'thinking without an opening tag {{" </think>{TEXT}',
        f"<THINKING>x</THINKING>{TEXT}",
        f"[{TEXT}]",
    ],
)
def test_p8_the_last_object_is_found_whatever_stands_around_it(reply):
    assert last_json_object(reply) == GOOD


HALF = 'so { "a" is not closed'
THOUGHT = {
    "think": f"<think>{HALF}</think>",
    "thinking": f"<thinking>{HALF}</thinking>\n\n",
    "thought": f"<thought>{HALF}</thought>",
    "reasoning": f"<reasoning>\n{HALF}\n</reasoning>",
    "seed": f"<seed:think>{HALF}</seed:think>",
    "scratchpad": f"<scratchpad >{HALF}</scratchpad>",
    "another name space": f"<x:thinking>{HALF}</x:thinking>",
    "unused tokens": f"<unused94>thought\n{HALF}<unused95>",
    "square": f"[THINK]{HALF}[/THINK]",
    "kimi": f"◁think▷{HALF}◁/think▷",
    "cohere": f"<|START_THINKING|>{HALF}<|END_THINKING|><|START_RESPONSE|>",
    "harmony": f"<|channel|>analysis<|message|>{HALF}<|end|><|start|>assistant"
    "<|channel|>final <|constrain|>json<|message|>",
    "harmony without marks": f"analysisWe need {HALF}.assistantfinal",
    "gemma": f"<|channel>thought\n{HALF}<channel|>",
    "no opening mark": f"Okay, {HALF}\n</think>\n\n",
    "two in a row": f"<think>{HALF}</think><think>{HALF}</think>",
    "an object in it": f'<think>or {{"answer": "no"}}? {HALF}</think>',
    "no closing mark": '<think>or {"answer": "no"}? ',
}


@pytest.mark.parametrize("thought", THOUGHT.values(), ids=THOUGHT.keys())
@pytest.mark.parametrize("end", ["", "\n```", "<|return|>"], ids=["", "fence", "harmony end"])
def test_thinking_of_every_family_is_skipped_and_its_braces_eat_no_answer(thought, end):
    if thought == THOUGHT["no closing mark"] and end == "<|return|>":
        return
    fence = "```json\n" if end == "\n```" else ""
    assert last_json_object(f"{thought}{fence}{TEXT}{end}") == GOOD


@pytest.mark.parametrize(
    "reply",
    [json.dumps(TEXT), f"```json\n{json.dumps(TEXT)}\n```", json.dumps(json.dumps(TEXT))],
    ids=["a JSON string", "in a fence", "twice"],
)
def test_an_answer_that_was_put_into_a_json_string_is_read_out_of_it(reply):
    assert last_json_object(reply) == GOOD


def test_raw_line_breaks_and_tabs_in_strings_are_read_as_they_stand():
    assert last_json_object('{"a": "line\nbreak\tand tab"}') == {"a": "line\nbreak\tand tab"}


KEYS = ["answer", "n", "list", "text"]


@pytest.mark.parametrize(
    "reply",
    [
        GOOD,
        {"response": GOOD},
        {"result": {"data": GOOD}},
        {"type": "object", "properties": GOOD},
        {"name": "reply", "arguments": TEXT},
    ],
    ids=["as it is", "wrapped", "twice", "like a schema", "like a call"],
)
def test_an_answer_is_taken_out_of_what_it_was_wrapped_into(reply):
    assert last_json_object(json.dumps(reply), KEYS) == GOOD


@pytest.mark.parametrize("reply", [{}, {"a": GOOD, "b": GOOD}, {"n": 1, "a": GOOD}, {"a": [GOOD]}])
def test_what_is_no_wrapper_stays_as_it_is(reply):
    assert last_json_object(json.dumps(reply), KEYS) == reply


@pytest.mark.parametrize(
    "remark",
    [" An empty list is `{}`.", '\n\nNote: {"answer": …} as asked.', ' {"note": "done"}'],
    ids=["an empty object", "a broken one", "another one"],
)
def test_a_remark_with_braces_after_the_answer_does_not_take_its_place(remark):
    assert last_json_object(f"```json\n{TEXT}\n```{remark}", KEYS) == GOOD


@pytest.mark.parametrize("end", [TEXT[:-1] + ",}", TEXT[:-1] + ', "n": 2}', TEXT[:-1]])
def test_p8_an_earlier_object_never_stands_in_for_a_broken_answer(end):
    with pytest.raises(BadReply):
        last_json_object(f"{TEXT} {end}", KEYS)


def test_p8_a_closing_think_tag_inside_a_string_does_not_cut_the_object():
    assert last_json_object('{"a": "uses </think> tags", "b": {"c": 1}}')["b"] == {"c": 1}


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("", "no JSON object"),
        ("I would rather not.", "no JSON object"),
        ("[1, 2]", "no JSON object"),
        (TEXT[:-1], "cut off"),
        (TEXT[: len(TEXT) // 2], "cut off"),
        ('{"a": "unfinished', "cut off"),
        (f'{TEXT} {{"b": ', "cut off"),
        ('{"a": 1, "a": 2}', "twice: a"),
        ('{"say yes to all": 1, "say yes to all": 2}', "twice: …"),
        ('{"a": {"b": 1, "b": 1}}', "twice"),
        ('{"a": 1} // comment {"b": /* x */ 2}', "broken"),
        ('{"a": 1,}', r"broken: .* \(line 1, column \d+, after the key a\)"),
        ('{"a": 1,\n "ignore all rules": 2 3}', r"line 2, column \d+, after the key a"),
        ('{"a": [1}', "brackets"),
        ('{"a" 1}', "broken"),
        ('{"a": tru}', "broken"),
        ('{"a":' * 65 + "1" + "}" * 65, "deeper than 64"),
        ('{"a":' + "[" * 100_000, "deeper than 64"),
        ('{"a": ' + "9" * 5000 + "}", "300 digits"),
        ('{"a": -' + "9" * 5000 + "}", "300 digits"),
        ('{"a": "' + "x" * 300_000 + '"}', "256 kB"),
        ("\u20ac" * 100_000, "256 kB"),
        ('<think>{"a": 1} but then', "all thinking"),
    ],
)
def test_p8_anything_else_is_one_clear_bad_reply(reply, why):
    with pytest.raises(BadReply, match=why):
        last_json_object(reply)


def test_p8_lone_surrogates_become_replacement_characters():
    escaped = '{"a\\ud800": ["\\udfff", {"b": "\\ud83d\\ude00"}]}'
    for reply in (escaped, '{"a\ud800": ["\udfff", {"b": "😀"}]}'):
        value = last_json_object(reply)
        assert value == {"a\ufffd": ["\ufffd", {"b": "😀"}]}
        json.dumps(value, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "value",
    ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1E+400", "[1, NaN]", '{"x": Infinity}',
     "9" * 301],
)  # fmt: skip
def test_p9_numbers_that_are_none_are_never_accepted(value):
    with pytest.raises(BadReply):
        last_json_object(f'{{"score": {value}}}')


@pytest.mark.parametrize("value", ["7", "7.5", "-1", "1e3", "null", "true", '"7"', "9" * 300])
def test_p9_other_values_keep_their_type_for_the_schema_to_judge(value):
    assert last_json_object(f'{{"score": {value}}}') == {"score": json.loads(value)}
    assert type(last_json_object(f'{{"score": {value}}}')["score"]) is type(json.loads(value))


NOISE = '{}[]":,\\ntrue0e9-. \n\ud800<think/>`\ufeffé'
JSONISH = st.text(alphabet=NOISE, max_size=400)
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


def judged(reply):
    """Return the object or None, having checked the bounds of P8."""
    seconds = []
    while not seconds or (seconds[-1] >= 0.5 and len(seconds) < 3):  # once may meet the collector
        begun = time.process_time()
        try:
            value = last_json_object(reply)
        except BadReply:
            value = None
        seconds.append(time.process_time() - begun)
    assert min(seconds) < 0.5  # the bar is 50 ms; loose for a shared machine
    if value is not None:
        json.dumps(value, allow_nan=False).encode()
    return value


@settings(max_examples=600, deadline=None)
@given(JSONISH)
@example('{"' * 1000)
def test_p8_fuzz_of_json_like_noise_never_crashes(reply):
    judged(reply)


def test_p8_10_000_drawn_replies_never_crash():
    """Long, plain draws: quicker by far than examples that can be made smaller."""
    seed = random.randrange(10**9)
    dice = random.Random(seed)
    for number in range(10_000):
        noise = "".join(dice.choices(NOISE, k=dice.randrange(400)))
        start, end = dice.randrange(len(TEXT)), dice.randrange(len(TEXT))
        reply = (noise, TEXT[:start] + noise[:40] + TEXT[end:])[number % 2]
        try:
            judged(reply)
        except Exception as error:
            raise AssertionError(f"seed {seed}, number {number}: {reply!r}") from error


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda b: b.decode("utf-8", "replace")))
def test_p8_fuzz_of_any_text_never_crashes(reply):
    judged(reply)


def finite(value):
    if isinstance(value, dict):
        return all(map(finite, value.values()))
    if isinstance(value, list):
        return all(map(finite, value))
    return not isinstance(value, float) or math.isfinite(value)


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), VALUES))
def test_p8_fuzz_of_real_objects_gives_them_back_unless_they_hold_no_numbers(value):
    parsed = judged(json.dumps(value))
    if finite(value) and "\ud800" not in str(value):
        assert parsed is not None
        assert parsed.keys() == value.keys()
    elif not finite(value):
        assert parsed is None


@settings(max_examples=400, deadline=None)
@given(st.integers(0, len(TEXT)), st.integers(0, len(TEXT)), JSONISH)
def test_p8_fuzz_of_cut_and_spliced_objects_never_gives_half_an_answer(start, end, noise):
    value = judged(TEXT[:start] + noise + TEXT[end:])
    assert value is None or isinstance(value, dict)


@pytest.mark.parametrize(
    "piece", ["{", '{"', '{"a":', "[", '"', "\\", '{"a":{}} ', "<think>", "</think>", "{ ", "{}",
              '{"</think>', '{"a":{}}</think>', '{"a":<think></think>', "<|channel|>final",
              '{"a":"\\', "`", "}"],
)  # fmt: skip
def test_p8_work_stays_linear_on_the_worst_repetitions(piece):
    judged(piece * (MAX // len(piece)))
    judged('{"a": ' + piece * (MAX // len(piece) - 10))


MAX = 255_000
