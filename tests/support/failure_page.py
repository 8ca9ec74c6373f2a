"""docs/failures.md, made of the rows. `python3 -m support.failure_page` in tests/ writes it."""

from support import programs
from support.failure_rows import AT_DEADLINE, CACHE_ROWS, NOW, SECTIONS, WITHIN_PATIENCE, Fails

PATH = programs.ROOT / "docs" / "failures.md"

HEAD = """# How secret-injector fails

Made from `tests/support/failure_rows/` by `script/failures --write`; do not edit. `script/failures` runs every row
against the built program over real sockets, {count} faults under two conditions each, and prints what it measured.

Each failure is exit code 125 and two lines on stderr, or one JSON object with `AGENT_SECRETS_LOG=json` (members `step`, `cause`,
`hint`, `exit_code`); the command is not started.

| time | means |
|---|---|
| at once | in less than {now:.0%} of `--timeout`: nothing that a retry could help |
| within | by `--timeout`; retries and pauses fill it, and end early when the next pause would not fit |
| deadline | by `--timeout`, and nothing ends it before |

None outlasts `--timeout` by more than {slack:.0f} ms. *Cache* tells whether a fresh one (`--cache-dir`) serves instead: then the command starts,
with a warning that names the cause, the age and the versions. A cache that serves bounds the wait for the control plane: `--cache-after`,
2 s by default. (Most rows run with `--timeout 2s`, where the two bounds meet.)
"""

CACHE_HEAD = """
## The cache itself

A cache that cannot be used is a warning where the control plane answers; the warning says that the memory against roll-back is missing. With
`--cache=required` the start is refused in both columns.

| the cache is | control plane unreachable | control plane well |
|---|---|---|
"""


def page():
    from support.failure_matrix import AT_ONCE, SLACK

    count = sum(map(len, SECTIONS.values())) + len(CACHE_ROWS)
    parts = [HEAD.format(count=count, now=AT_ONCE, slack=SLACK * 1000)]
    for title, rows in SECTIONS.items():
        parts.append(f"\n## {title}\n\n| fault | what happens | time | cache |\n|---|---|---|---|\n")
        parts += [line(row) for row in rows]
    parts.append(CACHE_HEAD)
    for row in CACHE_ROWS:
        parts.append(f"| {row.fault} | {outcome(row.unreachable)} | {outcome(row.reachable)} |\n")
    return "".join(parts)


def line(row):
    starts = not isinstance(row.outcome, Fails)
    cache = "not needed" if starts else "serves" if row.cache else "no"
    when = time(row.outcome.when)
    if row.cached_when:
        cache += f" {time(row.cached_when)}"
    return f"| {row.fault} | {outcome(row.outcome)} | {when} | {cache} |\n"


def outcome(expected):
    if isinstance(expected, Fails):
        announced = f"after 2 s: `{shown(expected.announced)}`<br>" if expected.announced else ""
        return f"{announced}`{shown(expected.message)}`<br>{shown(expected.hint, code=False)}"
    source = "starts from the cache" if "cached" in expected.value else "starts"
    return f"{source}, warning: {expected.warning}" if expected.warning else source


def time(when):
    return {NOW: "at once", AT_DEADLINE: "deadline", WITHIN_PATIENCE: "within `--cache-after`"}.get(when, "within")


def shown(text, code=True):
    text = text.replace("<t>", "Ns").replace("<n>", "N").replace("BASE-URL", "URL")
    return text if code else text.replace("|", "\\|")


if __name__ == "__main__":
    PATH.write_text(page())
