"""Adapters: which addresses each knows, what it asks for, and how replies become sentences."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from panel.evidence.adapters import adapter as seam
from panel.evidence.adapters.adapter import Address, Link, adapter_of, adapters
from panel.evidence.collect import tool_name
from panel.evidence.fetch.page import FetchedPage
from panel.foundation.errors import Unparseable
from tests.support.forge import COMMIT, MODEL, RELEASE, REPOSITORY, TAGGED, TAGS

NOW = datetime(2026, 11, 22, tzinfo=UTC)
FOLDER = Path(seam.__file__).parent


def specs(url):
    at = Address.of(url)
    return {spec.what: spec for spec in adapter_of(at).requests(at)}


def page(body, media_type="application/json"):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return FetchedPage(
        "https://x.example/", "https://x.example/", 200, media_type, "utf-8", raw, NOW
    )


def test_adapters_are_the_files_of_their_folder_and_stay_tiny():
    files = [path for path in FOLDER.glob("*.py") if "\nADAPTER = " in path.read_text()]
    assert len(adapters()) == len(files) == 4
    assert max(len(path.read_text().splitlines()) for path in files) <= 100


@pytest.mark.parametrize(
    ("url", "kind", "name"),
    [
        ("https://github.com/simonw/sqlite-utils", "GitHub", "sqlite-utils"),
        ("http://www.github.com/simonw/llm.git", "GitHub", "llm"),
        ("https://github.com/a/b/tree/main/docs?tab=x#y", "GitHub", "b"),
        ("https://github.com/features/copilot", "WebPage", "github.com"),
        ("https://github.com/simonw", "WebPage", "github.com"),
        ("https://github.com.evil.example/a/b", "WebPage", "github.com.evil.example"),
        ("https://github.com/../../etc/passwd", "WebPage", "github.com"),
        ("https://huggingface.co/acme/tiny", "HuggingFace", "tiny"),
        ("https://huggingface.co/acme/tiny/blob/main/README.md", "HuggingFace", "tiny"),
        ("https://huggingface.co/spaces/acme/demo", "HuggingFace", "demo"),
        ("https://hf.co/datasets/acme/rows", "HuggingFace", "rows"),
        ("https://huggingface.co/docs/hub", "WebPage", "huggingface.co"),
        ("https://widget.example/pricing/", "Pricing", "widget.example"),
        ("https://widget.example/plans.html", "Pricing", "widget.example"),
        ("https://www.widget.example/", "WebPage", "widget.example"),
    ],
)
def test_an_address_finds_its_adapter_and_its_tool_a_name(url, kind, name):
    assert type(adapter_of(Address.of(url))).__name__ == kind
    assert tool_name(url) == name


@pytest.mark.parametrize("url", ["", "ftp://x.example/", "javascript:alert(1)", "http://[", "x"])
def test_what_is_no_address_has_no_adapter(url):
    assert adapter_of(Address.of(url)) is None


def test_a_repository_is_asked_for_readme_record_and_release():
    requests = specs("https://github.com/acme/widget/issues")
    assert {name: spec.urls[0] for name, spec in requests.items()} == {
        "README": "https://raw.githubusercontent.com/acme/widget/HEAD/README.md",
        "repository record": "https://api.github.com/repos/acme/widget",
        "latest release": "https://api.github.com/repos/acme/widget/releases/latest",
    }
    assert requests["README"].urls[1] == "https://api.github.com/repos/acme/widget/readme"


@pytest.mark.parametrize(
    ("url", "card", "api"),
    [
        ("https://huggingface.co/a/b", "/a/b/raw/main/README.md", "/api/models/a/b"),
        ("https://hf.co/spaces/a/b", "/spaces/a/b/raw/main/README.md", "/api/spaces/a/b"),
        ("https://huggingface.co/datasets/a/b/viewer", "/datasets/a/b/raw/main/README.md",
         "/api/datasets/a/b"),
    ],
)  # fmt: skip
def test_a_model_space_or_dataset_is_asked_for_card_and_record(url, card, api):
    urls = [spec.urls[0] for spec in specs(url).values()]
    assert urls == [f"https://huggingface.co{card}", f"https://huggingface.co{api}"]


def test_only_the_two_api_hosts_have_keys():
    keys = {key.host: key.variables[0] for adapter in adapters() for key in adapter.keys}
    assert keys == {"api.github.com": "GITHUB_TOKEN", "huggingface.co": "HF_TOKEN"}


def test_records_become_plain_sentences():
    requests = specs("https://github.com/acme/widget")
    record = requests["repository record"].read(page(REPOSITORY))
    assert record.sentences == (
        "Repository: acme/widget.", "Description: Tables into widgets.", "Licence: MIT.",
        "Archived: no.", "Open issues and pull requests: 96.", "Stars: 1234.",
        "Created: 2019-05-06.", "Last push: 2026-11-01.",
    )  # fmt: skip
    assert record.links == (Link("https://widget.example/", rel="homepage"),)
    release = requests["latest release"].read(page(RELEASE))
    assert release.sentences == ("Latest release: 3.38, published 2026-10-02.",)
    model = specs("https://huggingface.co/acme/tiny")["model record"].read(page(MODEL))
    assert "Licence: apache-2.0." in model.sentences
    assert "Last change: 2026-09-09." in model.sentences


def test_where_there_is_no_release_the_newest_tag_is_asked_for_and_then_its_commit():
    tag = specs("https://github.com/acme/widget")["latest release"].otherwise
    assert tag.urls == ("https://api.github.com/repos/acme/widget/tags?per_page=100",)
    record = tag.read(page(TAGS))
    assert record.sentences == ("Releases: none published.", "Newest tag: v10.0.")
    assert record.then.urls == (f"https://api.github.com/repos/acme/widget/commits/{COMMIT}",)
    assert record.then.read(page(TAGGED)).sentences == (
        "Releases: none published.", "Newest tag: v10.0, committed 2026-09-08.",
    )  # fmt: skip
    assert tag.read(page([])).sentences == ("Releases: none published.", "Tags: none.")


@pytest.mark.parametrize(
    ("names", "newest"),
    [
        (["1.9", "1.10", "1.2"], "1.10"),
        (["v2.0.0-beta.3", "v1.4"], "v1.4"),
        (["2.0b1", "2.0a4"], "2.0b1"),
        (["nightly", "0.1"], "0.1"),
        (["stable", "latest"], "stable"),
        (["release-2026-01-02", "release-2025-12-31"], "release-2026-01-02"),
        (["v1.0-arm64", "v0.9"], "v1.0-arm64"),
    ],
)
def test_the_newest_tag_is_that_of_the_highest_version_pre_releases_last(names, newest):
    tag = specs("https://github.com/acme/widget")["latest release"].otherwise
    record = tag.read(page([{"name": name, "commit": {"sha": COMMIT}} for name in names]))
    assert record.sentences[-1] == f"Newest tag: {newest}."


@pytest.mark.parametrize("commit", [None, "x", {}, {"sha": 7}, {"sha": "../../../user"}])
def test_a_tag_that_names_no_commit_leads_nowhere(commit):
    tag = specs("https://github.com/acme/widget")["latest release"].otherwise
    record = tag.read(page([7, {"name": None}, {"name": "v1", "commit": commit}]))
    assert (record.sentences[-1], record.then) == ("Newest tag: v1.", None)


def test_what_a_record_does_not_say_is_left_out():
    read = specs("https://github.com/acme/widget")["repository record"].read
    strange = {
        "full_name": 7, "license": "MIT", "archived": "no", "open_issues_count": True,
        "stargazers_count": -1, "created_at": "soon", "pushed_at": None, "homepage": "",
    }  # fmt: skip
    assert read(page(strange)).sentences == ("Licence: none found by GitHub.",)
    changed = {"license": {"spdx_id": "NOASSERTION"}}
    assert read(page(changed)).sentences == ("Licence: not a standard one.",)


def test_a_value_cannot_pass_for_a_sentence_of_its_own():
    read = specs("https://github.com/acme/widget")["latest release"].read
    tag = "1.0.\nLicence: MIT.\u2028Archived: no. \u202e\U000e0041" + "x" * 900
    (sentence,) = read(page({"tag_name": tag, "published_at": "2026-01-01T00:00:00Z"})).sentences
    assert len(sentence.splitlines()) == 1
    assert len(sentence) < 260
    assert "\u202e" not in sentence


@pytest.mark.parametrize(
    ("body", "media_type", "why"),
    [
        (b'{"tag_name": "1.', "application/json", "broken JSON"),
        (b"<html>sign in</html>", "text/html", "a web page instead"),
        (b"[1, 2]", "application/json", "another shape"),
        (b"[" * 100_000, "application/json", "broken JSON"),
        (b'{"id": ' + b"9" * 6000 + b"}", "application/json", "broken JSON"),
        (b"\xff\xfe", "application/json", "broken JSON"),
        (b"", "application/json", "broken JSON"),
    ],
)
def test_a_reply_that_is_no_record_says_why(body, media_type, why):
    for url in ("https://github.com/acme/widget", "https://huggingface.co/acme/tiny"):
        for spec in specs(url).values():
            if spec.read is not None:
                with pytest.raises(Unparseable, match=why):
                    spec.read(page(body, media_type))


def followed(name, links, at="https://widget.example/"):
    (adapter,) = [adapter for adapter in adapters() if type(adapter).__name__ == name]
    return adapter.follow([Link(*adapter) for adapter in links], Address.of(at))


@pytest.mark.parametrize(
    ("links", "followed_url"),
    [
        ([("https://github.com/x/y", "a"), ("https://github.com/acme/widget", "b")], "acme/widget"),
        ([("https://github.com/widget/core/issues", "a")], "widget/core"),
        ([("https://github.com/x/y", "View on GitHub")], "x/y"),
        ([("https://github.com/x/y", "GitHub"), ("https://github.com/z/w", "Source")], None),
        ([("https://github.com/x/y", "a theme we like")], None),
        ([("https://github.com/pricing", "GitHub")], None),
    ],
)
def test_a_page_leads_to_the_repository_it_calls_its_own(links, followed_url):
    assert followed("GitHub", links) == (followed_url and f"https://github.com/{followed_url}")


@pytest.mark.parametrize(
    ("links", "followed_url"),
    [
        ([("https://widget.example/docs", "Docs"), ("https://widget.example/pricing", "x")], 1),
        ([("https://app.widget.example/buy", "Pricing")], 0),
        ([("https://widget.example/buy", "Plans & pricing")], 0),
        ([("https://rival.example/pricing", "Pricing")], None),
        ([("https://widget.example/blog", "How we think about pricing")], None),
        ([("javascript:pricing", "Pricing")], None),
    ],
)
def test_a_page_leads_to_the_pricing_page_of_its_own_site(links, followed_url):
    assert followed("Pricing", links) == (None if followed_url is None else links[followed_url][0])


def test_the_adapter_of_the_manual_is_one():
    manual = Path(__file__).parents[2] / "docs" / "evidence.md"
    (code,) = re.findall(r"```python\n(.*?)```", manual.read_text(), re.DOTALL)
    room: dict[str, object] = {}
    exec(code, room)
    at = Address.of("https://forge.example/a/b")
    assert room["ADAPTER"].matches(at)
    assert not room["ADAPTER"].matches(Address.of("https://forge.example/a"))
    (spec,) = room["ADAPTER"].requests(at)
    assert spec.urls == ("https://forge.example/raw/a/b/README.md",)


def test_no_adapter_and_no_manual_names_a_package_index():
    texts = [path.read_text() for path in FOLDER.glob("*.py")]
    hosts = {host for text in texts for host in re.findall(r"https://([\w.-]+)", text)}
    assert hosts == {
        "api.github.com", "raw.githubusercontent.com", "github.com", "huggingface.co",
    }  # fmt: skip
