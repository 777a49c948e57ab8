"""Facial expression recognition on FER2013: the library behind the notebooks."""

import os

# TensorFlow reports its CPU features on stderr, and so in every notebook; errors still show.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
