"""Plug-ins of installed packages: used by name, imported when used, and harmless when broken."""

import importlib
import json
import logging
import sys
from pathlib import Path

import pytest

import panel
from panel.evidence.adapters import adapter
from panel.evidence.adapters.adapter import Address, adapter_of, adapters
from panel.evidence.tools.tool import Tool
from panel.foundation import plugins
from panel.llm.providers.table import provider_table
from panel.report import formats
from panel.reviews.personas import load_personas
from tests.support.command import ROOT

ACME = {
    "formats": {"shout": "acme_panel.shout"},
    "adapters": {"acme": "acme_panel.adapters:ADAPTER"},
    "providers": {"acme": "acme_panel.providers:ACME"},
    "personas": {"lawyer": "acme_panel.personas:LAWYER", "poet": "acme_panel.personas:POET"},
}
CODE = {
    "__init__.py": "",
    "shout.py": '"""Loud text."""\n\nSUFFIX = ".shout"\n\n\n'
    "def render(cards):\n    return ''.join(f'{c.tool.name.upper()}!\\n' for c in cards)\n",
    "adapters.py": "from panel.evidence.adapters.adapter import Adapter, FetchSpec\n\n\n"
    "class Acme(Adapter):\n    rank = 5\n\n"
    "    def matches(self, at):\n        return at.host == 'acme.example'\n\n"
    "    def requests(self, at):\n        return (FetchSpec('README', (at.url,), 'readme'),)\n\n\n"
    "ADAPTER = Acme()\n",
    "providers.py": "ACME = {'base_url': 'https://llm.acme.example/v1', 'key_env': ['ACME_KEY'],"
    " 'key_url': 'https://acme.example/keys', 'model': 'acme-1'}\n",
    "personas.py": "from pathlib import Path\n\nfrom panel import Persona\n\n"
    "LAWYER = Persona(name='lawyer', title='The Lawyer', lens='You read licences.',\n"
    "    voice='You are careful.', fields=(), forecast={'ask': 'one sentence.',"
    " 'horizon_months': 12},\n"
    "    criteria=({'id': 'licence', 'question': 'Is a licence named?', 'kind': 'fact'},))\n"
    "POET = Path(__file__).with_name('poet.md')\n",
}  # fmt: skip
BROKEN = {
    "formats": {"torn": "torn_panel:FORMAT", "hollow": "acme_panel.personas:LAWYER"},
    "adapters": {"torn": "torn_panel:ADAPTER", "hollow": "acme_panel.personas:LAWYER"},
    "providers": {"torn": "torn_panel:ROW", "hollow": "acme_panel.personas:LAWYER",
                  "typo": "typo_panel:ROW"},
    "personas": {"torn": "torn_panel:PERSONA", "hollow": "acme_panel.providers:ACME"},
}  # fmt: skip


def install(folder, name, groups, code):
    """Put an installed package into a folder of the path: its modules and its metadata."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = []
    for group, entries in groups.items():
        lines += [f"[panel.{group}]", *(f"{entry} = {value}" for entry, value in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))
    package = folder / name.replace("-", "_")
    package.mkdir()
    for file, text in code.items():
        (package / file).write_text(text)
    return package


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on the path for installed packages; what is cached of others is forgotten."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)

    def forget():
        plugins._all_entries.cache_clear()
        plugins._entries.cache_clear()
        adapters.cache_clear()
        importlib.invalidate_caches()
        for name in [name for name in sys.modules if name.startswith(("acme_panel", "torn_panel"))]:
            del sys.modules[name]

    forget()
    yield folder
    forget()


@pytest.fixture
def acme(site):
    package = install(site, "acme-panel", ACME, CODE)
    poet = (ROOT / "personas" / "builder.md").read_text()
    (package / "poet.md").write_text(poet.replace("name: builder", "name: poet"))
    return site


@pytest.fixture
def broken(acme):
    install(acme, "torn-panel", BROKEN, {"__init__.py": "import nothing_of_that_name\n"})
    (acme / "typo_panel.py").write_text("ROW = {'base_urll': 'https://x.example'}\n")
    return acme


def test_plug_ins_are_listed_without_importing_them(acme):
    assert "shout" in formats.names()
    assert formats.suffixes()["shout"] == ".shout"
    assert formats.described()["shout"]
    assert "acme" in provider_table().names()
    assert len(load_personas(folders=[ROOT / "personas"])) >= 4
    assert "acme_panel" not in sys.modules


def test_a_format_of_a_package_renders(acme, provider):
    card = panel.review("Widget", description="It works.", provider=provider.url)
    assert panel.render(card, "shout") == "WIDGET!\n"


def test_an_adapter_of_a_package_reads_its_addresses(acme):
    acme_adapter = adapter_of(Address.of("https://acme.example/x"))
    assert type(acme_adapter).__module__ == "acme_panel.adapters"
    assert adapter_of(Address.of("https://github.com/a/b")) is not acme_adapter


def test_a_provider_of_a_package_is_used_by_name_with_its_own_key(acme):
    client = panel.AsyncPanel(
        provider="acme", settings=panel.Settings(), environ={"ACME_KEY": "k-1", "HF_TOKEN": "hf"}
    )
    target = resolved(client)
    assert (target.base_url, target.model) == ("https://llm.acme.example/v1", "acme-1")
    assert target.key.get_secret_value() == "k-1"
    with pytest.raises(panel.MissingKey, match="ACME_KEY"):
        resolved(panel.AsyncPanel(provider="acme", settings=panel.Settings()))


def resolved(client):
    from panel.llm.providers.resolve import resolve

    options = client._options
    return resolve(options.provider, model=None, settings=options.settings, environ=options.environ)


def test_personas_of_a_package_are_asked_where_they_are_named(acme, provider):
    arguments = {"description": "It works.", "provider": provider.url}
    card = panel.review("Widget", personas=["skeptic", "lawyer", "poet"], **arguments)
    assert [review.persona for review in card.reviews] == ["skeptic", "lawyer", "poet"]
    assert "lawyer" not in [review.persona for review in panel.review("W", **arguments).reviews]


def test_what_ships_with_panel_goes_before_a_plug_in_of_its_name(site):
    groups = {"formats": {"json": "torn_panel:X"}, "providers": {"openai": "torn_panel:X"},
              "personas": {"builder": "torn_panel:X"}}  # fmt: skip
    install(site, "torn-panel", groups, {"__init__.py": "import nothing_of_that_name\n"})
    assert formats.load("json").SUFFIX == ".json"
    assert "openai.com" in (provider_table().row("openai").base_url or "")
    assert load_personas(names=["builder"], folders=[ROOT / "personas"])


@pytest.mark.parametrize("name", ["torn", "hollow"])
@pytest.mark.parametrize(
    "use",
    [
        lambda name: formats.load(name),
        lambda name: provider_table().row(name),
        lambda name: load_personas(names=[name], folders=[ROOT / "personas"]),
    ],
    ids=["format", "provider", "persona"],
)
def test_a_broken_plug_in_is_one_line_that_names_its_package(broken, use, name):
    with pytest.raises(panel.InputError) as caught:
        use(name)
    assert f"the plug-in {name} of torn-panel" in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint == "pip uninstall torn-panel"


def test_a_wrong_key_of_a_row_is_named(broken):
    with pytest.raises(panel.InputError, match="base_urll"):
        provider_table().row("typo")


def test_a_broken_adapter_is_left_out_with_one_line_each_and_the_others_read_on(broken, caplog):
    with caplog.at_level(logging.WARNING, logger="panel"):
        names = [type(instance).__module__.partition(".")[0] for instance in adapters()]
    assert "acme_panel" in names
    assert len(names) == 1 + len([n for n in names if n == "panel"])
    assert len(caplog.records) == 2
    assert all("\n" not in record.getMessage() for record in caplog.records)
    assert adapter_of(Address.of("https://github.com/a/b")) is not None


def test_broken_plug_ins_do_not_disturb_who_does_not_use_them(broken, provider):
    card = panel.review("Widget", description="It works.", provider=provider.url)
    assert card.missing == ()
    assert "torn_panel" not in sys.modules
    assert Tool(name=card.tool.name)
    assert adapter.adapters.cache_info().currsize <= 1


def test_the_command_takes_a_plug_in_like_its_own(broken, desk, provider):
    path = f"{desk.environment()['PYTHONPATH']}:{broken}"
    arguments = ["Widget", "--description", "It works.", "--provider", provider.url]
    done = desk.run("review", *arguments, "--format", "shout", PYTHONPATH=path)
    assert (done.returncode, done.stdout) == (0, "WIDGET!\n"), done.stderr
    done = desk.run("review", *arguments, "--format", "torn", PYTHONPATH=path)
    assert done.returncode == 2
    assert "the plug-in torn of torn-panel (panel.formats) cannot be used" in done.stderr
    assert "Traceback" not in done.stderr
    assert Path(desk.folder / "runs").exists()


def test_providers_and_personas_of_packages_are_listed_unusable_ones_with_their_fault(broken, desk):
    desk.env["PYTHONPATH"] = f"{desk.environment()['PYTHONPATH']}:{broken}"
    lines = json.loads(desk.run("providers", "--format", "json").stdout)
    rows = {line["name"]: line for line in lines}
    acme = {"goes_to": "https://llm.acme.example/v1", "key": "ACME_KEY", "found": False}
    assert rows["acme"].items() >= acme.items()
    assert "the plug-in torn of torn-panel" in rows["torn"]["goes_to"]
    assert "ACME_KEY" in desk.run("doctor", ACME_KEY="k").stdout
    listed = desk.run("personas")
    assert listed.returncode == 0
    assert "The Lawyer" in listed.stdout
    assert "poet" in listed.stdout
    assert listed.stderr.count("warning: the plug-in ") == 2
