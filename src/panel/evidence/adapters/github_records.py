"""Replies of GitHub's API about a repository and its latest release, in sentences."""

from panel.evidence.adapters.adapter import HostRecord, Link
from panel.evidence.adapters.github_tags import HEADING
from panel.evidence.adapters.records import count, day, fields, sentences_of, words
from panel.evidence.fetch.page import FetchedPage


def repository(page: FetchedPage) -> HostRecord:
    """Return licence, open issues, dates, archived or not; raises `Unparseable`."""
    data = fields(page)
    licence = data.get("license")
    spdx = words(licence.get("spdx_id")) if isinstance(licence, dict) else "none found by GitHub"
    flags = {True: "yes, read-only", False: "no"}
    archived = data.get("archived")
    sentences = sentences_of(
        Repository=words(data.get("full_name")),
        Description=words(data.get("description")).rstrip("."),
        Licence="not a standard one" if spdx == "NOASSERTION" else spdx,
        Archived=flags[archived] if isinstance(archived, bool) else "",
        Open_issues_and_pull_requests=count(data.get("open_issues_count")),
        Stars=count(data.get("stargazers_count")),
        Created=day(data.get("created_at")),
        Last_push=day(data.get("pushed_at")),
    )
    home = words(data.get("homepage"))
    return HostRecord(HEADING, sentences, (Link(home, rel="homepage"),) if home else ())


def release(page: FetchedPage) -> HostRecord:
    """Return version and day of the latest release; raises `Unparseable`."""
    version, published = words(fields(page).get("tag_name")), day(fields(page).get("published_at"))
    release = f"{version}, published {published}" if version and published else version
    return HostRecord(HEADING, sentences_of(Latest_release=release))
