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
    "docs/scale.md",
    "models/*/card.md",
)
NOTEBOOKS = "notebooks/[0-9]*.ipynb"
DEMO = '<p><a href="../../index.html">The demo</a></p>'
CODE_STYLES = ("default", "github-dark")  # of Pygments, readable on the page's greys

LINKS = (
    ("Demo", "./"),
    ("Report", "report/README.html"),
    ("The data", "report/notebooks/01_explore.html"),
    ("Balance", "report/notebooks/02_balance.html"),
    ("Training", "report/notebooks/03_train.html"),
    ("What it is worth", "report/notebooks/04_evaluate.html"),
    ("Step by step", "report/notebooks/05_demo.html"),
    ("An audience", "report/notebooks/06_event.html"),
    ("All results", "report/models/README.html"),
)
"""What stands in every page's head: name and address."""

POLICY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; manifest-src 'self'; base-uri 'none'"
)
"""Content security policy: no program at all; tables carry their own styles."""


def read_page(path):
    """A notebook, or a text as a notebook of one cell; without pictures of people, and with a link to the demo."""
    if path.suffix == ".md":
        return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(path.read_text(encoding="utf-8"))])
    notebook = nbformat.read(path, 4)
    for cell in notebook.cells:
        if "faces" in cell.metadata.get("tags", []):
            cell.outputs = []
        for output in cell.get("outputs", []):
            if "ferlib-note" in output.get("data", {}).get("text/html", ""):
                output.data = {"text/html": DEMO}
    return notebook


def write_report(folder):
    """Write all pages of the report into `folder / "report"`, with what they link to."""
    report = folder / "report"
    report.mkdir()
    style = (SOURCE_DIR / "report.css").read_text(encoding="utf-8")
    (folder / "report.css").write_text(style + highlight_styles(), encoding="utf-8")
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(SOURCE_DIR), trim_blocks=True)
    template = environment.get_template("report.html")
    exporter = HTMLExporter(template_name="basic", exclude_input_prompt=True, exclude_output_prompt=True)
    exporter.register_preprocessor(ExtractOutputPreprocessor(enabled=True), enabled=True)
    sources = [path for pattern in (*TEXTS, NOTEBOOKS) for path in sorted(PROJECT_DIR.glob(pattern))]
    for source in sources:
        target = report / source.relative_to(PROJECT_DIR).with_suffix(".html")
        target.parent.mkdir(parents=True, exist_ok=True)
        notebook = read_page(source)
        names = {"unique_key": source.stem, "output_files_dir": f"{source.stem}_files"}
        body, resources = exporter.from_notebook_node(notebook, names)
        for name, data in resources["outputs"].items():
            (target.parent / name).parent.mkdir(exist_ok=True)
            (target.parent / name).write_bytes(data)
        here = target.relative_to(folder).as_posix()
        page = template.render(
            title=re.search(r"^# (.+)", notebook.cells[0].source, re.MULTILINE)[1].replace("`", ""),
            policy=POLICY,
            root="../" * here.count("/"),
            here=here,
            links=LINKS,
            body=adapt(body, source, target, sources),
        )
        target.write_text(page, encoding="utf-8")


def adapt(body, source, target, sources):
    """A page's HTML with links to the other pages, and wide tables that scroll; other linked files are copied."""

    def link(match):
        attribute, address = match.groups()
        place = urlsplit(address)
        path = unquote(place.path)
        if place.scheme or not path or (target.parent / path).exists():
            return match[0]
        linked = (source.parent / path).resolve()
        if linked in sources:
            return f'{attribute}="{place._replace(path=str(Path(path).with_suffix(".html"))).geturl()}"'
        (target.parent / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(linked, target.parent / path)
        return match[0]

    body = re.sub(r'<a class="anchor-link".*?</a>', "", body)
    body = re.sub(r'\b(href|src)="([^"]*)"', link, body)
    return body.replace("<table", '<div class="table-scroll" tabindex="0"><table').replace("</table>", "</table></div>")


def highlight_styles():
    """CSS for the colours of code, light and dark."""
    light, dark = (HtmlFormatter(style=style).get_style_defs(".highlight") for style in CODE_STYLES)
    return f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n.report .highlight {{ background: none; }}\n"
