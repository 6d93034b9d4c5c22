"""A bar chart as SVG text: panels side by side, each with a scale of its own."""

from dataclasses import dataclass
from html import escape

WIDTH, BAR, GAP, LABEL, HEAD = 330, 16, 8, 105, 44
OURS, OTHERS, INK = "#0b7285", "#adb5bd", "#212529"


@dataclass(frozen=True)
class Panel:
    """``bars`` are names with figures, drawn in this order; ``better`` says which end is good."""

    title: str
    better: str
    bars: dict[str, float]


def chart(panels):
    """The SVG document."""
    rows = max(len(panel.bars) for panel in panels)
    width, height = WIDTH * len(panels), HEAD + rows * (BAR + GAP) + GAP
    drawn = "".join(_panel(panel, index * WIDTH) for index, panel in enumerate(panels))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="sans-serif" font-size="12" fill="{INK}">\n'
        f'<rect width="{width}" height="{height}" fill="#fff"/>\n{drawn}</svg>\n'
    )


def _panel(panel, left):
    most = max(panel.bars.values(), default=1) or 1
    room = WIDTH - LABEL - 75
    lines = [
        f'<text x="{left + 10}" y="18" font-weight="bold">{escape(panel.title)}</text>',
        f'<text x="{left + 10}" y="34" font-size="11">{escape(panel.better)}</text>',
    ]
    for index, (name, value) in enumerate(panel.bars.items()):
        top = HEAD + index * (BAR + GAP)
        middle, length = top + BAR - 4, max(1, round(room * value / most))
        colour = OURS if name.startswith("hoiio") else OTHERS
        lines += [
            f'<text x="{left + LABEL - 6}" y="{middle}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{left + LABEL}" y="{top}" width="{length}" height="{BAR}" fill="{colour}"/>',
            f'<text x="{left + LABEL + length + 5}" y="{middle}">{value:,.0f}</text>',
        ]
    return "\n".join(lines) + "\n"
