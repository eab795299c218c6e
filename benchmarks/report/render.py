"""Templates of the page, the Markdown and the terminal."""

from base64 import b64encode
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmarks.report.tables import facts, number, slug
from catdog_models.evaluation import markdown


def render(template: str, **values: Any) -> str:
    """Fill in a template of the folder beside this file; values are escaped in HTML."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=".html." in template,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "facts": facts,
        "slug": slug,
        "number": number,
        "data_link": _data_link,
        "numeric": lambda names: [names[0], *(f"{name}:" for name in names[1:])],
        "text": markdown.text,
        "table": markdown.table,
        "image": markdown.image,
        "code": markdown.code,
    }
    return environment.get_template(template).render(values)


def _data_link(file: Path, kind: str) -> str:
    """Return a link that holds the content of a file."""
    return f"data:{kind};base64,{b64encode(file.read_bytes()).decode('ascii')}"
