"""What a browser needs to answer as Python does: the same networks, with a batch of 1, and the same constants."""

import json
import shutil
from pathlib import Path

import numpy as np

from ferlib import config
from ferlib.inference import _annotate, _blazeface, _detect, _photos, _predict, _video
from ferlib.inference._predict import READINGS, read_network

CONSTANTS = {
    config: "COARSE DEMO_RUN EMOTIONS EMOTION_COLORS IMAGE_SIZE",
    _annotate: "HEAT_COLOR",
    _photos: "DARK_BELOW",
    _detect: "FRAME_SHIFT FRAME_WIDTH REFERENCE_LANDMARKS",
    _predict: "CONFIDENCE_THRESHOLD",
    _video: "FORGET HOLD_SECONDS SAME_FACE_IOU SAME_SCENE SHARPNESS SMOOTH_SECONDS",
    _blazeface: """
        ACCEPT_SCORE ACCEPT_TURNED_SCORE BOX_STEPS CANDIDATE_SCORE CERTAIN_SCORE CERTAIN_WIDTH CLEAR_TRACE FACES_IN_TILE
        FAR_VIEW FAR_VIEW_DEGREES GLANCE_DEGREES GRID_SIZE MAX_TURNS REFINE_SIDES ROLLED_DEGREES SCORE_LOSS
        SECOND_SIDE_SCORE SMALLEST_TILE TILE_OVERLAP TRACE VIEW_SIZE
    """,
}
"""Names of the constants that Python and the browser share, by the module in which they stand."""


def fix_batch(content):
    """The bytes of a `.tflite` network with a batch of 1 where any was allowed: LiteRT.js takes no other."""
    from ai_edge_litert.schema_py_generated import Model

    content = bytearray(content)
    graph = Model.GetRootAs(content).Subgraphs(0)
    for tensor in map(graph.Tensors, range(graph.TensorsLength())):
        if tensor.ShapeSignatureLength():
            signature = tensor.ShapeSignatureAsNumpy()  # a view: the file is changed in place
            signature[signature == -1] = 1
    return bytes(content)


def write_browser_files(folder, runs=(config.DEMO_RUN,)):
    """Write what the browser's reader needs of Python's: constants.js, networks and the sample photo.

    Parameters
    ----------
    folder : str or Path
        An existing one, in which the reader's modules lie.
    runs : sequence of str
        Whose networks are written, as `load_predictor` takes and raises.
    """
    folder = Path(folder)
    shared = {name: getattr(module, name) for module, names in CONSTANTS.items() for name in names.split()}
    shared |= {"MIN_FACE": _detect.detect_faces.__kwdefaults__["min_face"], "NETWORKS": {}}
    for run in runs:
        metadata, network = read_network(run)
        shared["NETWORKS"][run] = {
            "temperature": metadata.temperature,
            "prior": metadata.prior,
            "logitAdjustment": metadata.logit_adjustment,
            "reading": READINGS[metadata.config.labels],
        }
        (folder / f"{run}.tflite").write_bytes(fix_batch(network))
    lines = [f"export const {name} = {json.dumps(value, default=np.ndarray.tolist)};" for name, value in shared.items()]
    lines.insert(0, "// Written from ferlib's own constants.")
    (folder / "constants.js").write_text("\n".join(lines) + "\n", encoding="utf-8")
    here = Path(__file__).parent
    (folder / "blazeface.tflite").write_bytes(fix_batch((here / "blazeface.tflite").read_bytes()))
    shutil.copyfile(here / "astronaut.jpg", folder / "sample.jpg")
