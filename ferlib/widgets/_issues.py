"""A widget to page through faces with issues, by mouse or keyboard, and to write the chosen rows to a csv."""

from pathlib import Path

import traitlets

from ferlib.config import EMOTIONS, SPLITS
from ferlib.widgets._view import View, encode_picture, read_static


class IssueBrowser(View):
    """A page of faces with an issue at a time, by issue, class and split.

    Arrow keys move from face to face, space or return chooses one, page up and page down turn the page.

    Parameters
    ----------
    faces : FaceDataset
    issues : pandas.DataFrame
        From `find_issues`, or any of the tables that it joins: row, label, split, issue, reason, score.
    csv : path
        Where "Export" writes the issues of the chosen rows.
    page_size : int

    Attributes
    ----------
    chosen : list of int
        Row numbers, in the order in which they were chosen.
    """

    _esm = read_static("common.js", "issues.js")
    _css = read_static("demo.css", "issues.css")
    choices = traitlets.Dict().tag(sync=True)
    chosen = traitlets.List(traitlets.Int()).tag(sync=True)

    def __init__(self, faces, issues, *, csv="issues.csv", page_size=24):
        self._faces, self._issues, self._csv, self._page_size = faces, issues, Path(csv), page_size
        kinds = issues["issue"].unique().tolist()
        super().__init__(choices={"issue": kinds, "label": ["all", *EMOTIONS], "split": ["all", *SPLITS]})

    def _shows(self):
        return f"{self._issues['issue'].nunique()} issues"

    def find(self, issue, *, label="all", split="all"):
        """The part of the table that has this issue, label and split, worst first."""
        wanted = {"issue": issue, "label": label, "split": split}
        columns = [column for column, value in wanted.items() if value != "all"]
        return self._issues[(self._issues[columns] == [wanted[column] for column in columns]).all(axis=1)]

    def export(self):
        """Write every issue of the chosen rows to the csv; returns that table."""
        table = self._issues[self._issues["row"].isin(self.chosen)].sort_values("row", ignore_index=True)
        table.to_csv(self._csv, index=False)
        return table

    def _reply(self, message, buffers):
        """To "export": how many rows were written; to "page": its cards, and their pictures."""
        if message["kind"] == "export":
            self.chosen = message["chosen"]
            self.export()
            return {"kind": "told", "text": f"{len(self.chosen)} rows written to {self._csv.name}"}, []
        table = self.find(message["issue"], label=message["label"], split=message["split"])
        pages = max(1, -(-len(table) // self._page_size))
        page = min(max(message["page"], 0), pages - 1)
        part = table.iloc[page * self._page_size : (page + 1) * self._page_size]
        columns = part[["row", "label", "split", "reason", "score"]]
        cards = [
            {"row": row, "title": f"{row}: {label}", "text": f"{split}; {reason} ({score:.3g})"}
            for row, label, split, reason, score in columns.itertuples(index=False)
        ]
        pictures = [encode_picture(self._faces.images[row]) for row in part["row"]]
        return {"kind": "page", "cards": cards, "page": page, "pages": pages, "total": len(table)}, pictures


def browse_issues(faces, issues, *, csv="issues.csv"):
    """An `IssueBrowser`: page through issues, choose rows, export them."""
    return IssueBrowser(faces, issues, csv=csv)
