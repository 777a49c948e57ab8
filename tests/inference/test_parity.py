"""One face, one prediction: notebook, command line, widget and video give the network the same pixels."""

import csv

import cv2
import keras
import numpy as np
import pytest

from ferlib import cli
from ferlib.config import EMOTIONS
from ferlib.data import FaceDataset
from ferlib.inference import crop_face, detect_faces, follow_faces, load_predictor, read_photo, sample_photo
from ferlib.training import Batches
from ferlib.widgets._demo import PhotoView, Session


@pytest.fixture(scope="module")
def predictor(run_folder):
    return load_predictor("tiny", models_dir=run_folder.parent)


@pytest.fixture(scope="module")
def expected(predictor):
    """Crop and probabilities, as the notebook gets them step by step."""
    photo = sample_photo()
    crop = crop_face(photo, detect_faces(photo)[0])
    return crop, predictor.predict_images(crop[None])[0]


def test_training_sees_the_same_pixels(expected, run_folder):
    crop, probabilities = expected
    faces = FaceDataset(crop[None], np.array([3]), np.array(["Training"]), source="test")
    (inputs, *_) = Batches(faces, batch_size=1)[0]
    network = keras.models.load_model(run_folder / "model.keras")
    assert np.array_equal(inputs["images"][0, ..., 0], crop)
    assert np.allclose(network.predict(inputs["images"], verbose=0)[0], probabilities, atol=1e-4)


def test_predictor_and_exported_file(expected, predictor):
    (face,) = predictor(sample_photo())
    assert np.array_equal(face.crop, expected[0])
    assert np.allclose(face.probabilities, expected[1], atol=1e-4)


def test_command_line(expected, predictor, tmp_path, monkeypatch):
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), sample_photo()[..., ::-1])
    monkeypatch.setattr("ferlib.inference.load_predictor", lambda name, **options: predictor)
    assert cli.main(["predict", str(path), "--out", str(tmp_path)]) == 0
    with (tmp_path / "predictions.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert np.allclose([float(row[emotion]) for emotion in EMOTIONS], expected[1], atol=1e-4)


def test_widget(expected, predictor):
    sent, view = [], PhotoView(Session(predictor))
    view.send = lambda content, buffers=None: sent.append((content, buffers))
    view._handle_custom_msg({"id": "1", "kind": "sample"}, [])
    ((answer, (crop,)),) = sent
    assert np.array_equal(cv2.imdecode(np.frombuffer(crop, np.uint8), cv2.IMREAD_UNCHANGED), expected[0])
    assert np.allclose(answer["faces"][0]["probabilities"], expected[1], atol=1e-4)


def test_video(predictor, tmp_path):
    """A video stores no exact pixels: its frame, read as a photo, must give what the video gives."""
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (512, 512))
    writer.write(sample_photo()[..., ::-1])
    writer.release()
    ((_, frame, ((_, seen),)),) = follow_faces(path, predictor)
    cv2.imwrite(str(tmp_path / "frame.png"), frame[..., ::-1])
    (face,) = predictor(read_photo(tmp_path / "frame.png"))
    assert np.allclose(face.probabilities, seen.probabilities, atol=1e-4)
