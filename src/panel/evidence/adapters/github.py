"""GitHub repositories: README, licence, open issues, archived or not, latest release or tag."""

import re
from collections import Counter
from collections.abc import Sequence

from panel.evidence.adapters.adapter import Adapter, Address, FetchSpec, HostKey, HostRecord, Link
from panel.evidence.adapters.github_tags import HEADING, newest_tag
from panel.evidence.adapters.records import count, day, fields, sentences_of, words
from panel.evidence.fetch.page import FetchedPage

_API = "https://api.github.com/repos"
_JSON, _RAW = "application/vnd.github+json", "application/vnd.github.raw, text/plain"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,99}")
_SITE = frozenset({
    "about", "apps", "collections", "customer-stories", "enterprise", "events", "explore",
    "features", "login", "marketplace", "notifications", "orgs", "pricing", "search", "security",
    "settings", "signup", "site", "solutions", "sponsors", "stars", "topics", "trending", "users",
})  # fmt: skip
_SOURCE_LINK = re.compile(
    r"(?:view |see |source |code |star )*(?:(?:on|us on) )?git ?hub|source(?: code)?"
)


class GitHub(Adapter):
    """github.com/OWNER/REPOSITORY and every page below it."""

    rank = 10
    keys = (HostKey("api.github.com", ("GITHUB_TOKEN",)),)

    def matches(self, at: Address) -> bool:
        """Tell a repository from the site's own pages."""
        has_repository = len(at.parts) > 1 and all(_NAME.fullmatch(part) for part in at.parts[:2])
        return at.host == "github.com" and has_repository and at.parts[0].lower() not in _SITE

    def name(self, at: Address) -> str:
        """Return the repository's name."""
        return at.parts[1].removesuffix(".git")

    def requests(self, at: Address) -> tuple[FetchSpec, ...]:
        """Return README, repository record and latest release, else the newest tag."""
        path = _path(at)
        api = f"{_API}/{path}"
        raw = f"https://raw.githubusercontent.com/{path}/HEAD/README.md"
        readme = (raw, f"{api}/readme")  # the second finds one of any name
        release, tag = (f"{api}/releases/latest",), newest_tag(api, _JSON)
        return (
            FetchSpec("README", readme, "readme", _RAW, media_type="text/markdown"),
            FetchSpec("repository record", (api,), "record", _JSON, _repository),
            FetchSpec("latest release", release, "record", _JSON, _release, otherwise=tag),
        )

    def follow(self, links: Sequence[Link], page: Address) -> str | None:
        """Return the repository a page calls its own: by name, or as the only one it says so of."""
        addresses = [(Address.of(link.url), link.text) for link in links]
        repos = [(_path(at), text) for at, text in addresses if self.matches(at)]
        labels = {_plain(label) for label in page.host.split(".")[:-1]}
        for part in (1, 0):
            same_name = [path for path, _ in repos if _plain(path.split("/")[part]) in labels]
            if same_name:
                return f"https://github.com/{Counter(same_name).most_common(1)[0][0]}"
        named_source = {path for path, text in repos if _SOURCE_LINK.fullmatch(text.lower())}
        return f"https://github.com/{named_source.pop()}" if len(named_source) == 1 else None


def _path(at: Address) -> str:
    return f"{at.parts[0]}/{at.parts[1].removesuffix('.git')}"


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _repository(page: FetchedPage) -> HostRecord:
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


def _release(page: FetchedPage) -> HostRecord:
    version, published = words(fields(page).get("tag_name")), day(fields(page).get("published_at"))
    release = f"{version}, published {published}" if version and published else version
    return HostRecord(HEADING, sentences_of(Latest_release=release))


ADAPTER = GitHub()
