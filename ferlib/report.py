"""A run in one HTML file that needs nothing else: tables, figures, and the faces it errs on where they are at hand."""

import base64
import io
from html import escape
from string import Template

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ferlib.answers import find_confident_errors, find_doubtful_hits, score_coverage, sum_probabilities
from ferlib.config import COARSE
from ferlib.curves import plot_history
from ferlib.evaluate import evaluate
from ferlib.plots import plot_answers, plot_maps
from ferlib.run_plots import plot_robustness
from ferlib.score_plots import (
    plot_calibration,
    plot_confusion,
    plot_coverage,
    plot_precision_recall,
    plot_recall,
    plot_roc,
    plot_votes,
)
from ferlib.style import use_style
from ferlib.testsets import compare_with_votes, load_test_faces

PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>$name</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h2 { margin-top: 2.5rem }
img { max-width: min(100%, 46rem); height: auto }
table { border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums }
th, td { padding: 0.2rem 0.7rem; text-align: right; border-bottom: 1px solid #ddd }
th:first-child, td:only-of-type { text-align: left }
figure { margin: 1.5rem 0 }
.wide { overflow-x: auto; margin: 1rem 0 }
.warning { border-left: 4px solid #d55e00; padding-left: 1rem; font-weight: bold }
</style>
<h1>$name</h1>
$body
<h2>Limits</h2>
<p>It names the expression that a crowd would name, not what a person feels; FER2013's labels are noisy, and its people
are not a fair sample of anybody. One training, one seed: intervals tell how a score would move with other faces. Not
for decisions about people.</p>
</html>
""")

SHEET = "Row of PrivateTest, label, what it was read as where that is something else, and its probability"


def write_report(run, path, *, faces=None):
    """Write `build_report` to a file, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(build_report(run, faces=faces), encoding="utf-8")


def build_report(run, *, faces=None):
    """Everything known of a run as one HTML page.

    Parameters
    ----------
    run : Run
    faces : Faces, optional
        What it was scored on. With them the page shows faces of the data set: keep it on your machine.

    Returns
    -------
    str
        HTML; figures are inline.

    Raises
    ------
    ValueError
        If `faces` are not those that the run was scored on.
    """
    use_style()
    labels, probabilities = run.select("PrivateTest")
    scores = run.evaluate("PrivateTest")
    parts = [
        _paragraph("This run saw faces of the test splits in training: its scores measure memory.", "warning")
        if run.leaky
        else "",
        _paragraph(f"PrivateTest: {scores}. Intervals are 95 %."),
        "<h2>What it is</h2>",
        _table(_facts(run)),
        "<h2>Scores on the test sets</h2>",
        _table(_test_sets(run)),
        _table(scores.table().round(3)),
        _figure(plot_history(run.history), "How it learned; the circle is the epoch that was kept"),
        "<h2>By emotion, on PrivateTest</h2>",
        _table(scores.by_answer().round(3)),
        _figure(plot_recall(scores), "Recall, precision and F1"),
        _figure(plot_confusion(scores.confusion), "What it confuses"),
        _figure(plot_roc(labels, probabilities), "ROC curves, each emotion against the others"),
        _figure(plot_precision_recall(labels, probabilities), "Precision and recall; dots: guessing"),
        "<h2>Is it as sure as it should be?</h2>",
        _figure(
            plot_calibration(
                labels, run.uncalibrated()[1], probabilities, names=("before", "after temperature scaling")
            ),
            f"Reliability before and after the temperature {run.bundle['temperature']:.2f}",
        ),
        _figure(plot_coverage(score_coverage(labels, probabilities)), 'What "not sure" would buy'),
        "<h2>Positive, neutral, negative</h2>",
        *_coarse(labels, probabilities),
    ]
    if len(run.test_sets) > 1:
        sides = compare_with_votes(labels, probabilities.argmax(1), load_test_faces("PrivateTest"))
        parts += [
            "<h2>Is the network wrong, or the label?</h2>",
            _table(sides),
            _figure(plot_votes(sides), "FER+ votes"),
        ]
    if run.robustness is not None:
        parts += ["<h2>How much can a picture go wrong?</h2>", _figure(plot_robustness(run.robustness), "Spoilt faces")]
    if run.occlusion is not None:
        title = "Mean faces, red where covering a part costs most of the emotion's probability"
        parts += ["<h2>Where does it look?</h2>", _figure(plot_maps(*run.occlusion), title)]
    images = None if faces is None else run.select_faces(faces).images
    for title, find in (("Surest errors", find_confident_errors), ("Shakiest hits", find_doubtful_hits)):
        answers = find(labels, probabilities, count=20)
        parts.append(f"<h2>{title}</h2>")
        if images is None:
            parts += [
                _paragraph("Rows of PrivateTest; no faces, since the data set is not at hand."),
                _table(answers.round(2)),
            ]
        else:
            parts.append(_figure(plot_answers(images[answers.index], answers), SHEET))
    return PAGE.substitute(name=escape(run.name), body="\n".join(parts))


def _facts(run):
    bundle, config = run.bundle, run.bundle["config"]
    facts = {
        "network": config["model"],
        "parameters": f"{bundle['parameters']:,}",
        "multiply-adds a face": f"{bundle['multiply_adds']:,}" if "multiply_adds" in bundle else None,
        "exported file": f"{bundle['file_bytes'] / 1e6:.1f} MB" if "file_bytes" in bundle else None,
        "milliseconds a face": f"{bundle['milliseconds']:.2f}" if "milliseconds" in bundle else None,
        "measured on": bundle.get("machine"),
        "epochs": f"{bundle['epochs_done']} of {config['epochs']}",
        "trained on": f"{bundle['data']['training_rows']:,} faces of {bundle['data']['source']}",
        "settings": ", ".join(f"{key} {value}" for key, value in config.items() if key != "model"),
        "backend": bundle["backend"],
        "commit": bundle["git_commit"],
    }
    return pd.DataFrame({"": {key: value for key, value in facts.items() if value is not None}})


def _test_sets(run):
    rows = {}
    for usage in run.probabilities:
        for test_set in run.test_sets:
            scores = run.evaluate(usage, test_set)
            low, high = scores.interval
            rows[f"{usage}, {test_set.replace('_', ' ')}"] = {
                "accuracy": f"{scores.accuracy:.1%} [{low:.1%}, {high:.1%}]",
                "macro-F1": f"{scores.macro_f1:.3f}",
                "n": f"{scores.n:,}",
            }
    return pd.DataFrame.from_dict(rows, orient="index")


def _coarse(labels, probabilities):
    coarse = evaluate(*sum_probabilities(labels, probabilities), names=COARSE)
    title = f"The seven probabilities added up: accuracy {coarse.accuracy:.1%}"
    return _table(coarse.by_answer().round(3)), _figure(plot_confusion(coarse.confusion, names=coarse.names), title)


def _paragraph(text, kind=""):
    return f'<p class="{kind}">{escape(text)}</p>'


def _table(table):
    return f'<div class="wide">{table.replace({np.nan: ""}).to_html(border=0)}</div>'


def _figure(ax, title):
    content = io.BytesIO()
    ax.figure.savefig(content, format="png", dpi=120, metadata={"Software": None})
    plt.close(ax.figure)
    code = base64.b64encode(content.getvalue()).decode()
    image = f'<img alt="{escape(title)}" src="data:image/png;base64,{code}">'
    return f"<figure><figcaption>{escape(title)}</figcaption>{image}</figure>"
