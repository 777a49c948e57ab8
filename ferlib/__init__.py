"""Facial expression recognition on FER2013: a thin library under the notebooks.

data        FER2013 in any form; splits, resampling, FER+ votes
quality     bad pictures, duplicates and leakage, label issues
training    networks, augmentation, training and resuming, export
evaluation  scores with intervals, run folders, comparison, robustness, explanation
inference   photo -> detections -> aligned crops -> probabilities; video; files
plots       every figure
widgets     the demo, the issue browser
config      emotions, colours, paths      recipes     TrainConfig and every recipe

What a notebook begins with stands here too: `from ferlib import load_faces, load_predictor`. Nothing is loaded before
it is used, so `import ferlib` takes milliseconds.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules="config recipes data quality training evaluation inference plots widgets".split(),
    submod_attrs={
        "config": "EMOTIONS SPLITS".split(),
        "recipes": "TrainConfig ZOO".split(),
        "data": "load_faces split_faces oversample_rows class_weights".split(),
        "training": "MODELS train resume_run".split(),
        "evaluation": "evaluate load_run list_runs compare_runs".split(),
        "inference": "detect_faces crop_face load_predictor".split(),
        "widgets": ["demo"],
    },
)
