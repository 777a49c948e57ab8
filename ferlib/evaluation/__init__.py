"""Scores with intervals, run folders, comparison of runs, robustness and explanation.

load_run, list_runs  A run folder loaded: a `Run`; the names of all
Run  metadata, history, probabilities, robustness, occlusion; `evaluate`, `select`
Metadata, read_metadata  The record of a run, `metadata.json`; light enough for inference
write_run, write_robustness, write_occlusion  What training leaves in a run folder; what is measured into it later
read_history, list_networks  `history.csv` as a table; costs and accuracy of the runs that come with their network
evaluate, Scores  Labels and probabilities to scores with n and 95 % intervals
wilson_interval, format_interval  Interval of a share; "71.3% [69.8%, 72.7%]"
apply_temperature, adjust_logits  Probabilities at another temperature; for other class frequencies
adjustment_curve  What the latter does to accuracy and mean recall
compare_runs, compare_pairs  A row a run: claim, scores on three test sets, costs; McNemar's test of pairs
compare_labels  A row a run: right by FER2013's labels, and in the eyes of people
compare_recipes  A row a recipe, its seeds together: the claim beside the score
average_seeds  Runs that differ in their seed alone: mean and spread
compare_ensembles, compare_students  Networks together, and what of it those keep that learned from several
check_scores, CLAIMS  Stored scores beside predictions made anew; what authors report of their recipes
coarse_probabilities, accuracy_coverage  Coarse classes; accuracy if the least confident faces are left out
find_confident_errors, find_uncertain_correct  Predictions to look at
compare_with_votes  Labels and predictions beside annotator votes
CORRUPTIONS, apply_corruptions, measure_robustness  The corruptions; several at once; accuracy under every one
occlusion_map, grad_cam  Explanation of one prediction
event_report, EventReport  Shares of the emotions at an event, raw and corrected, with intervals
fit_correction, Correction  How a run's network errs on PublicTest, to correct those shares
format_comparison, format_recipes, format_labels, format_pairs, format_event  Those tables as texts
format_ensembles, format_students  Likewise
format_card, format_spread, markdown_table  A run's card; mean and spread over seeds; a table as Markdown
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "_compare": (
            "CLAIMS average_seeds check_scores compare_labels compare_pairs compare_recipes compare_runs"
        ).split(),
        "_event": "Correction EventReport event_report fit_correction".split(),
        "_explain": "grad_cam occlusion_map".split(),
        "_metadata": "Metadata list_runs read_metadata".split(),
        "_predictions": (
            "accuracy_coverage coarse_probabilities compare_with_votes find_confident_errors find_uncertain_correct"
        ).split(),
        "_robustness": "CORRUPTIONS apply_corruptions measure_robustness".split(),
        "_runs": "Run list_networks load_run read_history write_occlusion write_robustness write_run".split(),
        "_scores": (
            "Scores adjust_logits adjustment_curve apply_temperature evaluate format_interval wilson_interval"
        ).split(),
        "_tables": (
            "format_card format_comparison format_ensembles format_event format_labels format_pairs format_recipes "
            "format_spread format_students markdown_table"
        ).split(),
        "_together": "compare_ensembles compare_students".split(),
    },
)
