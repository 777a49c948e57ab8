"""The report as pages beside the demo: notebooks and texts of the repository, at the paths that they have there."""

import re
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

import jinja2
import nbformat
from nbconvert import HTMLExporter
from nbconvert.preprocessors import ExtractOutputPreprocessor
from pygments.formatters import HtmlFormatter

from ferlib.config import PROJECT_DIR

SOURCE_DIR = PROJECT_DIR / "app" / "page"
TEXTS = (
    "README.md",
    "CONTRIBUTING.md",
    "data/README.md",
    "models/README.md",
    "benchmarks/README.md",
    "models/*/card.md",
)
NOTEBOOKS = "notebooks/[0-9]*.ipynb"

LINKS = (
    ("Demo", "./"),
    ("Report", "report/README.html"),
    ("The data", "report/notebooks/01_explore.html"),
    ("Balance", "report/notebooks/02_balance.html"),
    ("Training", "report/notebooks/03_train.html"),
    ("What it is worth", "report/notebooks/04_evaluate.html"),
    ("Step by step", "report/notebooks/05_demo.html"),
    ("All results", "report/models/README.html"),
)
"""What stands in every page's head: name and address."""

POLICY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; manifest-src 'self'; base-uri 'none'"
)
"""Content security policy: no program at all; tables carry their own styles."""


def read_page(path):
    """A notebook, or a text as a notebook of one cell; without pictures of people and without widgets."""
    if path.suffix == ".md":
        return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(path.read_text(encoding="utf-8"))])
    notebook = nbformat.read(path, 4)
    for cell in notebook.cells:
        if "faces" in cell.metadata.get("tags", []):
            cell.outputs = []
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not re.match(r"Tab\(|\w+View\(", shown_text(output))]
    return notebook


def shown_text(output):
    """The plain text of a cell's output, "" where there is none."""
    return output.get("data", {}).get("text/plain", "")


def write_report(folder):
    """Write all pages of the report into `folder / "report"`, with what they link to."""
    report = folder / "report"
    template = jinja2.Environment(loader=jinja2.FileSystemLoader(SOURCE_DIR), trim_blocks=True).get_template(
        "report.html"
    )
    exporter = HTMLExporter(
        template_name="basic", exclude_input_prompt=True, exclude_output_prompt=True, exclude_anchor_links=True
    )
    exporter.register_preprocessor(ExtractOutputPreprocessor(enabled=True), enabled=True)
    report.mkdir()
    (folder / "report.css").write_text((SOURCE_DIR / "report.css").read_text(encoding="utf-8") + highlight_styles())
    sources = [path for pattern in (*TEXTS, NOTEBOOKS) for path in sorted(PROJECT_DIR.glob(pattern))]
    for source in sources:
        target = report / source.relative_to(PROJECT_DIR).with_suffix(".html")
        target.parent.mkdir(parents=True, exist_ok=True)
        resources = {"unique_key": source.stem, "output_files_dir": f"{source.stem}_files"}
        body, resources = exporter.from_notebook_node(read_page(source), resources)
        for name, data in resources["outputs"].items():
            (target.parent / name).parent.mkdir(exist_ok=True)
            (target.parent / name).write_bytes(data)
        here = target.relative_to(folder).as_posix()
        title = re.search(r"^# (.+)", next(cell.source for cell in read_page(source).cells), re.MULTILINE)[1]
        page = template.render(
            title=title.replace("`", ""),
            policy=POLICY,
            root="../" * here.count("/"),
            here=here,
            links=LINKS,
            body=link_pages(body, source, target, sources),
        )
        target.write_text(page, encoding="utf-8")


def link_pages(body, source, target, sources):
    """The page with links to other pages of the report; other files that it names are copied beside it."""

    def change(match):
        attribute, address = match.groups()
        place = urlsplit(address)
        linked = (source.parent / unquote(place.path)).resolve()
        if place.scheme or not place.path or (target.parent / unquote(place.path)).is_file():
            return match[0]
        if linked in sources:
            path = str(Path(place.path).with_suffix(".html").as_posix())
            return f'{attribute}="{path}{"#" + place.fragment if place.fragment else ""}"'
        copy = target.parent / unquote(place.path)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(linked, copy)
        return match[0]

    body = re.sub(r'\b(href|src)="([^"]*)"', change, body)
    return body.replace("<table", '<div class="table-scroll" tabindex="0"><table').replace("</table>", "</table></div>")


def highlight_styles():
    """CSS for the colours of code, light and dark."""
    light, dark = (HtmlFormatter(style=style).get_style_defs(".highlight") for style in ("default", "github-dark"))
    return (
        f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n.highlight {{ background: none !important; }}\n"
    )
