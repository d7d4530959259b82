"""Every template says what it uses, and uses only what its view declares."""

from dataclasses import fields
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
from jinja2 import nodes

from services.gateway import pages
from services.gateway.pages.rendering import STATIC, TEMPLATES, View, environment
from shared.taskkit import registry

PART_OF_A_TASK = {"data"}
"""What a task's template is given beside the view's fields."""


def views() -> list[type[View]]:
    for module in iter_modules(pages.__path__):
        import_module(f"{pages.__name__}.{module.name}")
    return sorted(View.__subclasses__(), key=lambda view: view.template)


def reached(name: str) -> set[str]:
    """Return a template with all it extends and includes by a constant name."""
    source = environment().loader.get_source(environment(), name)[0]  # type: ignore[union-attr]
    tree = environment().parse(source)
    found = {name}
    for node in tree.find_all((nodes.Extends, nodes.Include)):
        if isinstance(node.template, nodes.Const):
            found |= reached(node.template.value)
    return found


def undeclared(name: str) -> set[str]:
    """Return the names a template reads and nowhere sets; jinja2's own search stumbles over sets inside of branches."""
    source = environment().loader.get_source(environment(), name)[0]  # type: ignore[union-attr]
    names = list(environment().parse(source).find_all(nodes.Name))
    return {item.name for item in names if item.ctx == "load"} - {item.name for item in names if item.ctx != "load"}


@pytest.mark.parametrize("view", views(), ids=lambda view: view.template)
def test_a_view_declares_all_its_template_uses(view: type[View]) -> None:
    declared = {item.name for item in fields(view)}
    used = set().union(*(undeclared(name) for name in reached(view.template)))
    assert used - declared - set(environment().globals) - PART_OF_A_TASK - {"loop", "caller"} == set()


def test_every_page_has_a_view() -> None:
    known = set().union(*(reached(view.template) for view in views()))
    present = {f"pages/{path.name}" for path in (TEMPLATES / "pages").glob("*.html")}
    assert present - known == set()


@pytest.mark.parametrize("view", views(), ids=lambda view: view.template)
def test_fragments_are_blocks_whose_element_has_the_id(view: type[View]) -> None:
    template = environment().get_template(view.template)
    assert set(view.fragments.values()) <= set(template.blocks)


def test_nothing_in_the_frontend_knows_a_task_or_a_parameter() -> None:
    names = set(registry.task_ids())
    names |= {name for spec in registry.specs() for name in spec.params.model_fields if "_" in name}
    # The evaluation has a batch size of its own, whatever the parameters of the training are called.
    names -= {"batch_size"}
    sources = [*TEMPLATES.rglob("*.html"), *(STATIC / "js").glob("*.js")]
    found = [(path.name, name) for path in sources for name in names if name in path.read_text()]
    # The learning rate is a column of every metric row, which the chart of it is made of.
    assert set(found) <= {("charts.js", "learning_rate")}


def test_scripts_import_only_what_exists() -> None:
    for path in (STATIC / "js").glob("*.js"):
        for line in path.read_text().splitlines():
            if line.startswith("import"):
                assert Path(STATIC / "js" / line.split('"')[1]).exists(), line
