"""Class colours that people with any kind of colour vision can tell apart."""

import colorsys

_BASE = (
    "#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377",
    "#ee7733", "#009988", "#bbbbbb", "#882255", "#999933", "#332288",
)  # fmt: skip
"""Paul Tol's "bright", "vibrant" and "muted" qualitative schemes (SRON/EPS/TN/09-002), most distinct first."""


def class_color(index: int) -> str:
    """Return the colour of the class at `index` as `#rrggbb`; beyond the palette, hues spread by the golden angle."""
    if index < len(_BASE):
        return _BASE[index]
    hue = (index * 0.61803398875) % 1.0
    red, green, blue = colorsys.hls_to_rgb(hue, 0.45 + 0.15 * (index % 2), 0.55)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"
