"""Line charts as SVG, without anything but the standard library."""

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 28, 76
COLOURS = ["#2563eb", "#d97706", "#059669", "#dc2626"]
FONT = 'font-family="system-ui, sans-serif" font-size="13"'


def ticks(most):
    """Round numbers from 0 to about `most`."""
    size = 10 ** len(str(int(most)))
    step = next(size * part for part in (0.02, 0.05, 0.1, 0.2, 0.5, 1) if most / (size * part) <= 6)
    return [step * n for n in range(int(most / step) + 2)]


def number(value):
    return f"{value:g}"


def line_chart(title, across, up, lines, bar=None):
    """SVG of `lines` ((name, [(x, y), …]), …), with the axes' names. `bar`: (name, y) of a level to be compared with."""
    points = [point for _, line in lines for point in line]
    xs, ys = ticks(max(x for x, _ in points)), ticks(max([y for _, y in points] + ([bar[1]] if bar else [])))
    x_of = lambda x: LEFT + (WIDTH - LEFT - RIGHT) * x / xs[-1]
    y_of = lambda y: HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * y / ys[-1]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" {FONT}>',
        f"<title>{title}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="18" font-weight="600">{title}</text>',
    ]
    for x in xs:
        parts.append(f'<text x="{x_of(x):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle" fill="#555">{number(x)}</text>')
    for y in ys:
        parts.append(f'<path d="M{LEFT} {y_of(y):.1f}H{WIDTH - RIGHT}" stroke="#e5e7eb"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y_of(y) + 4:.1f}" text-anchor="end" fill="#555">{number(y)}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - BOTTOM + 38}" text-anchor="middle">{across}</text>')
    parts.append(f'<text transform="translate(16 {(HEIGHT - BOTTOM + TOP) / 2}) rotate(-90)" text-anchor="middle">{up}</text>')
    if bar:
        parts.append(f'<path d="M{LEFT} {y_of(bar[1]):.1f}H{WIDTH - RIGHT}" stroke="#6b7280" stroke-dasharray="6 4"/>')
        parts.append(f'<text x="{WIDTH - RIGHT}" y="{y_of(bar[1]) - 6:.1f}" text-anchor="end" fill="#6b7280">{bar[0]}</text>')
    for n, (name, line) in enumerate(lines):
        colour = COLOURS[n % len(COLOURS)]
        path = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x_of(x):.1f}" cy="{y_of(y):.1f}" r="3" fill="{colour}"/>' for x, y in line]
        at = LEFT + n * (WIDTH - LEFT - RIGHT) / len(lines)
        parts.append(f'<path d="M{at} {HEIGHT - 16}h20" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{at + 26}" y="{HEIGHT - 12}">{name}</text>')
    return "\n".join(parts) + "\n</svg>\n"
