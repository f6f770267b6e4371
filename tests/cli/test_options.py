"""Options as values: groups, and what they add up to."""

from typing import get_args

import click
from click.testing import CliRunner

from panel.cli import options
from panel.engine.options import Engine
from panel.llm.config import Ask, Wire
from tests.support.wires import WIRES


def test_the_strategies_to_choose_from_are_those_there_are():
    assert get_args(Ask) == options.STRATEGIES
    assert get_args(Engine) == options.ENGINES
    assert get_args(Wire) == options.WIRES == WIRES


def test_a_group_passes_its_options_as_one_object_that_may_hold_another():
    passed = []

    @click.command()
    @options.provider
    @options.asking
    def command(provider, asking):
        passed.extend([provider, asking])

    arguments = ["--model", "m", "--samples", "3", "--support-provider", "p", "--fresh"]
    assert CliRunner().invoke(command, arguments).exit_code == 0
    assert passed == [
        options.ProviderOptions(model="m"),
        options.AskingOptions(
            samples=3, fresh=True, support=options.SupportOptions(support_provider="p")
        ),
    ]


def test_a_group_left_out_is_the_group_without_options():
    passed = []

    @click.command()
    @options.tool
    @options.gathering
    @options.asking
    @options.work
    def command(**groups):
        passed.extend(groups.values())

    assert CliRunner().invoke(command, []).exit_code == 0
    assert sorted(map(repr, passed)) == sorted(
        map(
            repr,
            [
                options.ToolOptions(),
                options.GatheringOptions(),
                options.AskingOptions(),
                options.WorkOptions(),
            ],
        )
    )
