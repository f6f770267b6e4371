"""GitHub repositories: README, licence, open issues, archived or not, latest release or tag."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from panel.evidence.adapters.adapter import Adapter, Address, FetchSpec, HostKey, Link
from panel.evidence.adapters.github_records import release, repository
from panel.evidence.adapters.github_tags import newest_tag
from panel.evidence.topics import Topic

_API = "https://api.github.com/repos"
_JSON, _RAW = "application/vnd.github+json", "application/vnd.github.raw, text/plain"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,99}")
_SITE = frozenset({
    "about", "apps", "collections", "customer-stories", "enterprise", "events", "explore",
    "features", "login", "marketplace", "notifications", "orgs", "pricing", "search", "security",
    "settings", "signup", "site", "solutions", "sponsors", "stars", "topics", "trending", "users",
})  # fmt: skip
_FILES: Final[dict[Topic, tuple[str, ...]]] = {
    "licence": ("LICENSE", "LICENSE.md"),
    "release": ("CHANGELOG.md", "CHANGES.md"),
    "security": ("SECURITY.md", ".github/SECURITY.md"),
    "roadmap": ("ROADMAP.md",),
}
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
        latest, tag = (f"{api}/releases/latest",), newest_tag(api, _JSON)
        return (
            FetchSpec("README", readme, "readme", _RAW, media_type="text/markdown"),
            FetchSpec("repository record", (api,), "record", _JSON, repository),
            FetchSpec("latest release", latest, "record", _JSON, release, otherwise=tag),
        )

    def pages(self, at: Address) -> Mapping[Topic, tuple[str, ...]]:
        """Return the files that repositories keep such facts in."""
        root = f"https://raw.githubusercontent.com/{_path(at)}/HEAD"
        return {topic: tuple(f"{root}/{name}" for name in names) for topic, names in _FILES.items()}

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


ADAPTER = GitHub()
