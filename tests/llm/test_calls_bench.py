"""The bench itself: as a process it answers every kind of question, the same way each time."""

import asyncio
import subprocess
import sys
from pathlib import Path

from panel.llm.calls import ChatClient
from panel.llm.config import ProviderConfig
from panel.llm.json_reply import last_json_object
from panel.llm.openai_compat.client import OpenAICompatClient
from tests.llm.test_calls import TAG, Memory, question
from tests.support.faultd import counted

SCHEMA = {
    "type": "object",
    "properties": {
        "because": {"type": "string"},
        "answer": {"type": "string", "enum": ["yes", "no", "unclear"]},
        "cites": {"type": "array", "items": {"type": "string"}},
        "p": {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 100}, {"type": "null"}]},
        "sure": {"type": "boolean"},
    },
    "required": ["because", "answer", "cites", "p", "sure"],
    "additionalProperties": False,
}


def test_r1_the_server_process_answers_and_counts_every_kind_of_question(tmp_path):
    counts = tmp_path / "counts"
    server = subprocess.Popen(
        [
            sys.executable, "-m", "tests.support.faultd", "--answers", "panel",
            "--counts", str(counts),
        ],
        stdout=subprocess.PIPE, cwd=Path(__file__).parents[2], text=True,
    )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
        first, second = asyncio.run(ask_all(url)), asyncio.run(ask_all(url))
    finally:
        server.kill()
        server.communicate()
    assert first == second
    written, prompted, yes_no, text = first
    for reply in (written, prompted):
        assert reply.keys() == SCHEMA["properties"].keys()
        assert reply["answer"] in ("yes", "no", "unclear")
        assert reply["cites"] == ["E1.2"]
    assert {"yes", "no"} <= set(yes_no[0])
    assert text
    assert sorted(counted(counts).values()) == [2, 2, 2, 2]


async def ask_all(url):
    answers = []
    for format in ("json_schema", "json_object"):
        config = ProviderConfig(provider=url, kind="wire", model="m", wire_model="m", base_url=url,
                        format=format)  # fmt: skip
        wire = OpenAICompatClient(config)
        calls = ChatClient(wire, config, Memory())
        tail = f"see E1.2, reply as {SCHEMA}".replace("'", '"').replace("False", "false")
        request = question(tail, schema=SCHEMA, max_tokens=500)
        answers.append(
            (await calls.ask(request, tag=TAG, parse=lambda r: last_json_object(r.text))).value
        )
        await wire.close()
    wire = OpenAICompatClient(config)
    calls = ChatClient(wire, config, Memory())
    request = question("yes or no?", logprobs=True, max_tokens=1)
    answers.append((await calls.ask(request, tag=TAG, parse=lambda r: r.top_logprobs)).value)
    answers.append((await calls.ask(question("why?"), tag=TAG, parse=lambda r: r.text)).value)
    await wire.close()
    return answers
