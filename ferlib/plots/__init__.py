"""Every figure: data in, `Axes` out; nothing here predicts, shows or saves, but for `save_figure` and a page.

use_style, save_figure  Set matplotlib's defaults for every figure of the project; write a figure as PNG and SVG
percent_axis, PALETTE  Label an axis that holds shares in per cent; colours for anything that is not an emotion
plot_class_counts, plot_by_emotion  Bars of the class counts; grouped bars, emotions along the axis
plot_threshold  How many faces each threshold of an image score would call an issue
plot_faces, plot_prediction_sheet  A contact sheet; one of predictions, with labels and probabilities
plot_history, plot_histories  Accuracy against epochs of one run; PublicTest accuracy, a line a run
plot_curves  One run's accuracy, loss, and PublicTest's precision, recall and macro-F1 against epochs
live_plot, plot_rates  A history that redraws itself in the notebook; learning rates against the share of the run
plot_balancing  Recall against how rare an emotion is, by balancing strategy
plot_leak, plot_experiments  The score that a leak fakes; points of accuracy that each experiment brought
plot_confusion, plot_recall  Heat map of a confusion matrix; recall, precision and F1 by emotion, with intervals
plot_roc, plot_precision_recall  Curves of every emotion against the others
plot_calibration, plot_coverage  Reliability diagram; accuracy-coverage curve
plot_adjustment  Accuracy and mean recall against the strength of the logit adjustment
plot_votes  What FER+'s voters saw where a network is correct, and where it errs
plot_maps  Seven mean faces under heat maps
plot_recipes  What each recipe claims beside what it scores
plot_robustness  Accuracy against the severity of corruptions
plot_prediction, plot_pipeline  A photo with boxes and probabilities; from photo to probabilities, step by step
plot_probabilities, plot_timeline  Bars of one face; what each person in a video shows over time
plot_mood, plot_mood_by_time  Shares of the emotions at an event, raw and corrected; by time of day or by group
write_event_report  The same as one page, to be mailed
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "_style": "PALETTE percent_axis save_figure use_style".split(),
        "_dataset": "plot_by_emotion plot_class_counts plot_faces plot_threshold".split(),
        "_training": (
            "live_plot plot_balancing plot_curves plot_experiments plot_histories plot_history plot_leak plot_rates"
        ).split(),
        "_scores": (
            "plot_adjustment plot_calibration plot_confusion plot_coverage plot_maps plot_precision_recall "
            "plot_prediction_sheet plot_recall plot_roc plot_votes"
        ).split(),
        "_comparison": "plot_recipes plot_robustness".split(),
        "_event": "plot_mood plot_mood_by_time write_event_report".split(),
        "_photos": "plot_pipeline plot_prediction plot_probabilities plot_timeline".split(),
    },
)
