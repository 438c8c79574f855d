# Colours live in `templates/tokens.css`, once. A page uses them as CSS variables; a standalone picture gets plain
# values, because programs that show SVG outside browsers know no variables.
"""Colours and styles of the picture."""

from __future__ import annotations

import re

from modeldiff.renderer import templates

ARROWS = "<defs>{}</defs>".format(
    "".join(
        f'<marker id="arrow{name}" class="arrow {name}" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" '
        f'markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0l8 4-8 4z"/></marker>'
        for name in ("", "add", "del")
    )
)
"""The heads of the three kinds of lines."""


def tokens() -> tuple[dict[str, str], dict[str, str]]:
    """Colour values by name, light and dark."""
    light, dark = templates.read("tokens.css").split(':root[data-theme="dark"]')
    found = re.compile(r"--([a-z0-9-]+):\s*([^;]+);")
    values = dict(found.findall(light))
    return values, {**values, **dict(found.findall(dark))}


def page() -> str:
    """The tokens for a page: the system's theme until the reader chooses one."""
    both = templates.read("tokens.css")
    dark = both.split(':root[data-theme="dark"]')[1]
    return (
        f'{both}\n@media screen and (prefers-color-scheme: dark) {{ :root:not([data-theme="light"]) {dark.strip()} }}\n'
    )


def standalone() -> str:
    """The picture's style sheet with plain values, light first and dark where the reader prefers it."""
    rules = re.sub(r"/\*.*?\*/|\n\s*", "", templates.read("picture.css"), flags=re.DOTALL)
    light, dark = ({f"var(--{name})": value for name, value in side.items()} for side in tokens())
    return f"{_filled(rules, light)}@media (prefers-color-scheme:dark){{{_filled(rules, dark)}}}"


def _filled(rules: str, values: dict[str, str]) -> str:
    return re.sub(r"var\(--[a-z0-9-]+\)", lambda found: values[found[0]], rules)
