"""The launch benchmark's figures as a table, in docs/performance.md, and as a chart."""

import dataclasses
import platform
import re

import launch_scene
from support import programs

PAGE = programs.ROOT / "docs" / "performance.md"
CHART = programs.ROOT / "docs" / "launch.svg"


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    is_ours: bool
    median_ms: float
    least_ms: float
    median_ratio: float  # to curl with one CA certificate
    least_ratio: float
    peak_mib: float
    instructions: int | None


def table(rows, missing):
    lines = [
        "| launch | median ms | least ms | median ÷ curl's | least ÷ curl's | peak MiB | million instructions |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        count = f"{row.instructions / 1e6:.1f}" if row.instructions else ""
        name = f"**{row.name}**" if row.is_ours else row.name
        lines.append(f"| {name} | {row.median_ms:.1f} | {row.least_ms:.1f} | {row.median_ratio:.2f} "
                     f"| {row.least_ratio:.2f} | {row.peak_mib:.1f} | {count} |")
    lines += [f"| {name} | missing: {why} | | | | | |" for name, why in missing.items()]
    return "\n".join(lines)


def machine(rounds):
    """One sentence: the machine and the measured file."""
    injector = launch_scene.injector()
    kind = "static" if launch_scene.is_static(injector) else "dynamic"
    size = injector.stat().st_size / 1e6
    return (f"{processor()}, Linux {platform.release()}; {rounds} rounds; "
            f"secret-injector is {kind}, {size:.1f} MB.")


def processor():
    with open("/proc/cpuinfo") as information:
        found = re.search(r"^model name\s*: (.*)$", information.read(), re.MULTILINE)
    return found[1] if found else platform.machine()


def show(rows, missing, rounds):
    print(table(rows, missing))
    print(machine(rounds))


def write(rows, missing, rounds):
    """Replaces the text between the markers in the page, and the chart."""
    begin, end = "<!-- launch: written by script/bench -->\n", "\n<!-- launch: end -->"
    before, rest = PAGE.read_text().split(begin)
    _, after = rest.split(end)
    PAGE.write_text(f"{before}{begin}{table(rows, missing)}\n\n{machine(rounds)}{end}{after}")
    draw(rows)


def draw(rows):
    # Imported here, so that the table needs no library.
    import matplotlib
    import matplotlib.ticker
    matplotlib.use("svg")
    from matplotlib import pyplot

    # Equal figures make an equal file.
    matplotlib.rcParams.update({"svg.hashsalt": "launch", "svg.fonttype": "none", "font.size": 11,
                                "font.family": "sans-serif"})
    rows = sorted(rows, key=lambda row: -row.median_ms)
    figure, axes = pyplot.subplots(figsize=(9, 0.5 * len(rows) + 1.4))
    colours = ["#1f6feb" if row.is_ours else "#b6bec8" for row in rows]
    axes.barh([row.name for row in rows], [row.median_ms for row in rows], color=colours, height=0.66)
    axes.set_xscale("log")
    axes.set_xlim(left=0.3, right=max(row.median_ms for row in rows) * 20)
    for place, row in enumerate(rows):
        axes.text(row.median_ms * 1.08, place, f"{row.median_ms:.1f} ms · {row.peak_mib:.1f} MiB",
                  va="center", color="#24292f")
        if row.is_ours:
            axes.get_yticklabels()[place].set_color("#1f6feb")
            axes.get_yticklabels()[place].set_fontweight("bold")
    axes.set_xlabel("from start to end, milliseconds (median, logarithmic)")
    axes.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.tight_layout()
    figure.savefig(CHART, metadata={"Date": None}, facecolor="white")
