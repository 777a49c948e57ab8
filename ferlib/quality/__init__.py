"""Bad pictures, duplicates and leakage, label issues.

find_issues                every issue of every face, in one table
count_issues               faces with each issue, by split
count_facts                what the literature tells of FER2013, counted on these faces
find_gaps                  what cannot be counted of these faces, and why
select_clean               which faces survive, and why the others do not
measure_images             one score a column for every issue that a single picture can have
IMAGE_RULES                a `Rule` for each of these issues: blank, blurred, text, ...
Rule                       the threshold beyond which a score is an issue
find_poor_images           pictures with a score beyond its threshold
find_duplicates            groups of faces that are identical to the byte
find_near_duplicates       pairs that are the same picture, but not the same bytes
find_train_duplicates      test faces whose exact or near duplicate stands in Training
leakage_by_emotion         train/test leakage, emotion by emotion
find_label_issues          faces whose label annotators or a model contradict
find_non_faces             pictures that more than half of the annotators call no face
label_probabilities        out-of-fold probabilities, from the FER+ file or computed now
out_of_fold_probabilities  the same from a linear classifier on HOG features

Everywhere `faces` is a `FaceDataset` of N faces, `votes` are those of `load_ferplus`, and `near` is what
`find_near_duplicates` found. A table of issues has the columns row, label, split, issue, reason and score (a number).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "_duplicates": "find_duplicates find_near_duplicates find_train_duplicates leakage_by_emotion".split(),
        "_images": "IMAGE_RULES Rule find_poor_images measure_images".split(),
        "_issues": "count_facts count_issues find_gaps find_issues select_clean".split(),
        "_labels": "find_label_issues find_non_faces label_probabilities out_of_fold_probabilities".split(),
    },
)
