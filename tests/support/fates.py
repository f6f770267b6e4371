"""Folders of a backtest: invented tools in pairs, whose page says what a judge is to think."""

from pathlib import Path

HEADER = (
    "slug,pair,outcome,as_of,known_at,why,label_note,"
    "stars,days_since_commit,commits_year_after,luck"
)
NAMES = ("Kestrelbox", "Moorhenry", "Pipitkeeper", "Wagtailor", "Dunnockly")

PAGE = """# {name}

{name} sorts log files, see https://{slug}.example/docs or github.com/{owner}/{name}.

Get it with `pip install {slug}`; {slug}_HOME names its folder. This page is {word}.
"""


def write_fates(folder: Path, pairs: int = 3, wrong: int = 1) -> Path:
    """Write a list of so many pairs; the pages of the first `wrong` pairs mislead."""
    tools, rows = [], [HEADER]
    for number in range(pairs):
        for fate in ("lived", "died"):
            name = f"{NAMES[number % len(NAMES)]}{number}{fate[0]}"
            slug, owner = name.lower(), f"Warbler{number}{fate[0]}"
            praised = (fate == "lived") != (number < wrong)
            place = folder / "evidence" / slug
            place.mkdir(parents=True, exist_ok=True)
            text = PAGE.format(
                name=name, slug=slug, owner=owner, word="fine" if praised else "poor"
            )
            (place / "README.md").write_text(text, encoding="utf-8")
            (place / "activity.md").write_text(f"Last commit: 2024-07-{10 + number}.\n")
            tools.append(
                f"- name: {name}\n  url: https://github.com/{owner}/{name}\n"
                f'  description: "{name} sorts log files ({number}{fate[0]})."\n'
                f"  evidence: [evidence/{slug}/README.md, evidence/{slug}/activity.md]\n"
            )
            note = "a fork goes on" if number == 1 and fate == "died" else ""
            alive = int(fate == "lived")
            rows.append(
                f"{slug},P{number},{fate},2024-08-01,2025-0{1 + number % 9}-03,"
                f"zzwhy {slug},{note},{7 + alive},{9 - alive},{alive},{1 - alive}"
            )
    (folder / "tools.yaml").write_text("\n".join(tools), encoding="utf-8")
    (folder / "outcomes.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def names(pairs: int = 3) -> list[str]:
    """Return the names of the tools of such a list."""
    return [f"{NAMES[n % len(NAMES)]}{n}{fate}" for n in range(pairs) for fate in "ld"]
