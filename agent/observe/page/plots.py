"""Plots as SVG in the page: no library, and no file of their own.

Each has a title and a description for who does not see it, and a table of the same numbers. Colours
are the text's own (`currentColor`), which the style sheet sets for light and dark.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

from agent.backup.history import DAYS, Day
from agent.machine.light.human import format_share, format_size
from agent.observe.page.markup import Markup, element, join
from agent.observe.page.view import Gauge

DAY = 86400.0
WIDTH, HEIGHT = 288, 56
"""Units of a plot of a day: one across for each five minutes."""
GAP = 1200.0
"""Seconds without a sample over which no line is drawn: nobody knows what was then."""
YOUNG = 1200.0
"""Seconds of samples before which a plot of a day would look empty."""
BAR, BARS_HEIGHT, LEAST = 8, 32, 3
"""Units of a bar of a day with its gap, and of the smallest one."""

Points = Sequence[tuple[float, float]]


def plot_gauge(gauge: Gauge, until: datetime) -> Markup | None:
    """Return the plot of a day; None: there is hardly anything to show yet."""
    end = until.timestamp()
    samples = [(at, share) for at, share in gauge.samples if end - DAY <= at <= end]
    if not samples or end - samples[0][0] < YOUNG:
        return None
    most = max(share for _, share in samples)
    told = f"Now {gauge.used} {gauge.limit}".strip()
    described = f"{told}. At most {format_share(most)} of the limit in the last 24 hours."
    runs = [find_line(run, end) for run in split_runs(samples)]
    drawing = [
        [element("path", d=f"{line} V{HEIGHT} H{first} Z", class_="area"),
         element("path", d=line, class_="line")]
        for first, line in runs
    ]  # fmt: skip
    key = f"plot-{gauge.name.lower()}"
    picture = draw(key, f"{gauge.name}, the last 24 hours", described, WIDTH, HEIGHT, drawing)
    hours = element("div", element("span", "24 h ago"), element("span", "now"),
                    class_="axis", aria_hidden="true")  # fmt: skip
    head = ("Hour, UTC", "Highest share")
    return join(picture, hours, make_table(f"{gauge.name} by the hour", head, list_hours(samples)))


def split_runs(samples: Points) -> Iterator[Points]:
    """Yield the samples in runs without a gap."""
    run: list[tuple[float, float]] = []
    for sample in sorted(samples):
        if run and sample[0] - run[-1][0] > GAP:
            yield run
            run = []
        run.append(sample)
    yield run


def find_line(run: Points, end: float) -> tuple[float, str]:
    """Return where a run begins, and its line; of several samples at one place the highest."""
    columns: dict[int, float] = {}
    for at, share in run:
        column = round(WIDTH * (1 - (end - at) / DAY))
        columns[column] = max(columns.get(column, 0.0), min(max(share, 0.0), 1.0))
    points = [f"{x} {HEIGHT * (1 - share):.1f}" for x, share in columns.items()]
    first = next(iter(columns))
    if len(points) == 1:
        points.append(f"{first + 1} {points[0].split()[1]}")
    return first, "M" + " L".join(points)


def list_hours(samples: Points) -> Iterator[tuple[str, str]]:
    """Yield each hour, and the highest share in it."""
    hours: dict[str, float] = {}
    for at, share in samples:
        hour = datetime.fromtimestamp(at, UTC).strftime("%d %b %H:00")
        hours[hour] = max(hours.get(hour, 0.0), share)
    yield from ((hour, format_share(share)) for hour, share in hours.items())


def plot_days(name: str, days: Sequence[Day], until: datetime) -> Markup | None:
    """Return a bar for each of the last days, as high as the last backup of that day is large."""
    today = until.date()
    shown = [str(today - timedelta(days=back)) for back in reversed(range(DAYS))]
    known = {day.day: day for day in days if day.day in shown}
    if not known:
        return None
    largest = max((day.size for day in known.values()), default=0) or 1
    bars = [draw_day(number, known.get(day), largest) for number, day in enumerate(shown)]
    good = sum(1 for day in known.values() if day.good)
    failed = sum(day.failed for day in known.values())
    attempts = "1 attempt failed" if failed == 1 else f"{failed} attempts failed"
    described = f"Backups on {good} of the last {DAYS} days{f'; {attempts}' if failed else ''}."
    key = f"days-{name}"
    title = f"Backups to {name}, the last {DAYS} days"
    picture = draw(key, title, described, DAYS * BAR, BARS_HEIGHT, bars)
    rows = ((describe_date(day.day), str(day.good), str(day.failed), format_size(day.size),
             f"{day.seconds:g} s") for day in known.values())  # fmt: skip
    head = ("Day", "Backups", "Failed", "Size", "Took")
    caption = element("p", described, class_="quiet", aria_hidden="true")
    return join(picture, caption, make_table(title, head, rows))


def draw_day(number: int, day: Day | None, largest: int) -> Markup:
    """Return the bar of a day: none was made, one was made, or none that was begun got done."""
    kind, height = "none", 1.0
    if day:
        kind = "good" if day.good else "failed"
        height = (
            max(float(LEAST), BARS_HEIGHT * day.size / largest) if day.good else BARS_HEIGHT / 2
        )
    told = None if day is None else element("title", describe_day(day))
    return element("rect", told, x=number * BAR, y=round(BARS_HEIGHT - height, 1), width=BAR - 3,
                   height=round(height, 1), class_=kind)  # fmt: skip


def describe_day(day: Day) -> str:
    """Return what a pointer on a bar shows."""
    words = f"{describe_date(day.day)}: "
    if not day.good:
        return f"{words}{day.failed} failed"
    failed = f", {day.failed} failed" if day.failed else ""
    return f"{words}{format_size(day.size)}, {day.seconds:g} s{failed}"


def describe_date(text: str) -> str:
    """Return a day as people read it: 31 Jan."""
    return date.fromisoformat(text).strftime("%-d %b")


def draw(
    key: str, title: str, description: str, width: int, height: int, drawing: Iterable[object]
) -> Markup:
    """Return a picture that stretches to the place that it has."""
    return element(
        "svg",
        element("title", title, id=f"{key}-title"),
        element("desc", description, id=f"{key}-desc"),
        drawing,  # type: ignore[arg-type] # of Markup, nested
        viewBox=f"0 0 {width} {height}", preserveAspectRatio="none", role="img",
        aria_labelledby=f"{key}-title {key}-desc",
    )  # fmt: skip


def make_table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    """Return the numbers of a plot for a screen reader."""
    names = element("tr", (element("th", name, scope="col") for name in head))
    lines = (
        element("tr", element("th", first, scope="row"), (element("td", cell) for cell in rest))
        for first, *rest in rows
    )
    table = element("table", element("caption", caption), element("thead", names),
                    element("tbody", lines))  # fmt: skip
    return element("div", table, class_="spoken")
