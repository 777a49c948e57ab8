"""A widget to page through suspect faces, by mouse or keyboard, and to write the chosen rows to a csv.

It holds no logic of its own: the table of faults comes from `ferlib.cleaning`. Faces travel as custom messages and
never enter the widget's state, so a saved notebook holds no face.
"""

from pathlib import Path

import anywidget
import cv2
import traitlets

from ferlib.config import EMOTIONS, SPLITS

STATIC_DIR = Path(__file__).parent / "static"


def _read(*names):
    # one text, because a browser cannot resolve an import between modules that anywidget hands it as text
    return "\n".join((STATIC_DIR / name).read_text(encoding="utf-8") for name in names)


class SuspectBrowser(anywidget.AnyWidget):
    """A page of suspects at a time, by fault, class and split.

    Arrow keys move from face to face, space or return chooses one, page up and page down turn the page.

    Parameters
    ----------
    faces : Faces
    faults : pandas.DataFrame
        From `find_faults`, or any of the tables that it joins.
    csv : path
        Where "Export" writes the faults of the chosen rows.
    page_size : int

    Attributes
    ----------
    chosen : list of int
        Row numbers, in the order in which they were chosen.
    """

    _esm = _read("common.js", "suspects.js")
    _css = _read("demo.css", "suspects.css")
    choices = traitlets.Dict().tag(sync=True)
    chosen = traitlets.List(traitlets.Int()).tag(sync=True)

    def __init__(self, faces, faults, *, csv="suspects.csv", page_size=24):
        counts = faults["fault"].value_counts(sort=False)
        super().__init__(
            choices={"fault": counts.index.to_list(), "label": ["all", *EMOTIONS], "usage": ["all", *SPLITS]}
        )
        self._faces, self._faults, self._csv, self._page_size = faces, faults, Path(csv), page_size
        self.on_msg(self._answer)

    def __repr__(self):
        # without a memory address, so that an executed notebook does not change from run to run
        return f"{type(self).__name__}({self._faults['fault'].nunique()} faults)"

    def find(self, fault, *, label="all", usage="all"):
        """The suspects of a fault: the part of the table that has this label and usage, worst first."""
        table = self._faults[self._faults["fault"] == fault]
        for column, value in (("label", label), ("usage", usage)):
            table = table[table[column] == value] if value != "all" else table
        return table

    def export(self):
        """Write every fault of the chosen rows to the csv; returns that table."""
        table = self._faults[self._faults["row"].isin(self.chosen)].sort_values("row", ignore_index=True)
        table.to_csv(self._csv, index=False)
        return table

    def _answer(self, _, message, buffers):
        try:
            answer, pictures = self._export(message) if message["kind"] == "export" else self._read_page(message)
        except OSError as error:
            # an exception would vanish in the kernel: the page shows it instead
            answer, pictures = {"kind": "error", "text": str(error)}, []
        self.send({**answer, "id": message.get("id")}, pictures)

    def _export(self, message):
        self.chosen = message["chosen"]
        self.export()
        return {"kind": "told", "text": f"{len(self.chosen)} rows written to {self._csv.name}"}, []

    def _read_page(self, message):
        table = self.find(message["fault"], label=message["label"], usage=message["usage"])
        pages = max(1, -(-len(table) // self._page_size))
        page = min(max(message["page"], 0), pages - 1)
        part = table.iloc[page * self._page_size : (page + 1) * self._page_size]
        cards = [
            {"row": int(row), "title": f"{row}: {label}", "text": f"{usage}; {reason} ({evidence:.3g})"}
            for row, label, usage, _, reason, evidence in part.itertuples(index=False)
        ]
        pictures = [cv2.imencode(".png", self._faces.images[row])[1].tobytes() for row in part["row"]]
        return {"kind": "page", "cards": cards, "page": page, "pages": pages, "total": len(table)}, pictures


def browse_suspects(faces, faults, *, csv="suspects.csv"):
    """A `SuspectBrowser`: page through faults, choose rows, export their numbers."""
    return SuspectBrowser(faces, faults, csv=csv)
