"""What the frame around every page needs to know. Pure."""

from dataclasses import dataclass
from urllib.parse import quote

from panel.publish.site import urls


@dataclass(frozen=True)
class PageMeta:
    """A page's place and name; `section` is the part of the navigation that it belongs to."""

    path: str
    title: str
    description: str
    site: str
    policy: str
    root: str
    base_url: str | None = None
    live_url: str | None = None
    section: str = ""
    picture: str | None = None
    """The path of the page's picture for link previews."""
    index: bool = True
    """False keeps search engines away."""

    @property
    def full_title(self) -> str:
        """The page's title with the site's."""
        return self.title if self.title == self.site else f"{self.title} · {self.site}"

    @property
    def canonical(self) -> str | None:
        """The page's one address, None where the site has none."""
        return absolute_url(self.base_url, self.path) if self.base_url else None

    @property
    def picture_url(self) -> str | None:
        """The picture's address, None without one: link previews need a whole address."""
        both = self.base_url and self.picture
        return absolute_url(self.base_url or "", self.picture or "") if both else None


def absolute_url(base_url: str, path: str) -> str:
    """Return the whole address of a path; the front page's is the site's root."""
    return f"{base_url.rstrip('/')}/{quote('' if path == urls.FRONT else path)}"
