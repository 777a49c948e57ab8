"""From a photo or video to emotions: read, detect, align, crop, predict, draw.

read_photo, PhotoError  A file or its bytes -> upright (H, W, 3) uint8 RGB; why a photo or video cannot be read.
sample_photo  A portrait in the public domain: the astronaut Eileen Collins.
detect_faces, Detection  Photo -> faces found, left to right: box, score, keypoints.
crop_face  Photo, Detection -> (48, 48) uint8, aligned as FER2013's faces are.
load_predictor, Predictor  Run folder -> network: photo -> list of FacePrediction.
READINGS  Whose answers a network gives, by the labels that it learned.
FacePrediction  A Detection with its crop and its seven probabilities.
Network  A .tflite network, run by LiteRT.
draw_predictions, prediction_color  A copy of a photo with boxes and bars; the colour of a prediction, "#rrggbb".
draw_heat, heat_alpha  A grey face under a red heat map; opacity of a heat map over a face.
follow_faces, predict_video  Video or camera -> its frames, each with the persons in it; -> table of what they show.
Tracker, FORGET  Faces of successive frames -> persons, smoothed; seconds after which one out of sight is new.
predict_class_folders  Class folders of photos or faces -> labels, probabilities: other people's data.
write_browser_files  Constants, networks and sample photo for the reader in the browser, ferlib/widgets/static/reader/.
score_files, load_scores  Albums and archives -> a row a face, in Parquet, by many processes; its tables.
find_files, predict_files  Photos and videos of files and folders; -> annotated copies, predictions.csv and .json.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "_annotate": "draw_heat draw_predictions heat_alpha prediction_color".split(),
        "_browser": ["write_browser_files"],
        "_cross": ["predict_class_folders"],
        "_detect": "Detection crop_face detect_faces".split(),
        "_files": "find_files predict_files".split(),
        "_ledger": ["load_scores"],
        "_litert": ["Network"],
        "_photos": "PhotoError read_photo sample_photo".split(),
        "_predict": "READINGS FacePrediction Predictor load_predictor".split(),
        "_score": ["score_files"],
        "_video": "FORGET Tracker follow_faces predict_video".split(),
    },
)
