"""What a model says without its thinking, where the text is prose."""

import pytest

from panel.llm.thinking import is_thinking, spoken

SPOKEN = {
    "It runs.": "It runs.",
    "<think>Does it? No.</think>\n\nIt runs.": "It runs.",
    "Does it?\n</think>\n\nIt runs.": "It runs.",
    "[THINK]Does it?[/THINK]It runs.": "It runs.",
    "<think>a</think><thought>b</thought> It runs.": "It runs.",
    "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>It runs."
    "<|return|>": "It runs.",
    "It runs.\n<think>or does it": "It runs.",
    "Marks as <think> and </think> go.": "Marks as <think> and </think> go.",
    "It ends at `</think>` and goes on.": "It ends at `</think>` and goes on.",
    "<think>It never ends": "",
}  # fmt: skip


@pytest.mark.parametrize(("text", "answer"), SPOKEN.items(), ids=range(len(SPOKEN)))
def test_thinking_is_left_out_and_words_about_its_marks_are_not(text, answer):
    assert spoken(text) == answer


@pytest.mark.parametrize(
    ("text", "thinks"),
    [("<think>", True), ("<thi", True), ("<|channel|>", True), ("◁", True), ("[THINK]so", True),
     ("<think>so</think>", True), ("", False), ("\n", False), ("Yes", False), ("So", False),
     ("<think>so</think>Yes", False)],
)  # fmt: skip
def test_a_reply_that_is_all_thinking_is_told_apart(text, thinks):
    assert is_thinking(text) == thinks
