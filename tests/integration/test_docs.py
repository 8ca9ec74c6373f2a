"""What the pages under docs/, the README and those of examples/ must not do."""

import collections
import re

from support import programs

DOCS = programs.ROOT / "docs"
DECISIONS = DOCS / "decisions"
PAGES = sorted([*DOCS.rglob("*.md"), programs.ROOT / "README.md", *(programs.ROOT / "examples").glob("*/README.md")])


def headings(page):
    """Those outside of code blocks."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    return re.findall(r"^#+ .*$", text, re.M)


def test_no_page_has_a_heading_twice():
    for page in PAGES:
        twice = [heading for heading, count in collections.Counter(headings(page)).items() if count > 1]
        assert not twice, f"{page}: {twice}"


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page}: {target}"


def test_a_number_of_a_decision_is_used_once_or_listed_as_unused():
    numbers = [int(path.name[:4]) for path in DECISIONS.glob("[0-9]*.md")]
    assert len(numbers) == len(set(numbers))
    (listed,) = re.findall(r"are not used again: ([\d, ]+)\.", " ".join((DECISIONS / "README.md").read_text().split()))
    unused = {int(number) for number in listed.split(",")}
    assert not unused & set(numbers)
    assert set(range(1, 19)) <= unused | set(numbers)
