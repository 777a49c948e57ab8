import json
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest

from ferlib.config import EMOTIONS
from ferlib.inference import FacePrediction, crop_face, detect_faces, load_predictor, sample_photo


@pytest.fixture(scope="module")
def predictor(run_folder):
    return load_predictor("tiny", models_dir=run_folder.parent)


@pytest.fixture
def changed(run_folder, tmp_path):
    """Load the tiny run after its metadata was changed."""

    def load(**changes):
        folder = shutil.copytree(run_folder, tmp_path / "tiny", dirs_exist_ok=True)
        metadata = json.loads((run_folder / "metadata.json").read_text()) | changes
        (folder / "metadata.json").write_text(json.dumps({k: v for k, v in metadata.items() if v is not None}))
        return load_predictor("tiny", models_dir=tmp_path)

    return load


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (5, 48, 48), dtype=np.uint8)


def test_photo_gives_one_prediction_a_face(predictor):
    photo = sample_photo()
    (face,) = predictor(photo)
    assert face.box[0] < 225 < face.box[0] + face.box[2]
    (found,) = detect_faces(photo)
    assert np.array_equal(face.crop, crop_face(photo, found))
    assert face.probabilities.shape == (7,) and face.probabilities.dtype == np.float32
    assert face.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert face.emotion == EMOTIONS[face.probabilities.argmax()]
    assert face.keypoints.shape == (4, 2) and face.score == found.score
    assert len(predictor(np.concatenate([photo, photo], axis=1))) == 2


def test_array_file_and_bytes_agree(predictor, tmp_path):
    from PIL import Image

    path = tmp_path / "photo.png"
    Image.fromarray(sample_photo()).save(path)
    predicted = [predictor(source)[0].probabilities for source in (sample_photo(), path, path.read_bytes())]
    assert np.array_equal(predicted[0], predicted[1]) and np.array_equal(predicted[0], predicted[2])


@pytest.mark.parametrize(
    ("probabilities", "predicted", "coarse"),
    [
        ([0, 0, 0, 0.7, 0, 0, 0.3], "happy", "positive"),
        ([0.2, 0, 0.2, 0, 0.2, 0, 0.4], "not sure", "negative"),
        ([0, 0, 0.4, 0, 0, 0.6, 0], "surprise", "surprise"),
    ],
)
def test_an_uncertain_face_is_said_to_be_one(probabilities, predicted, coarse):
    crop = np.zeros((48, 48), np.uint8)
    face = FacePrediction((0, 0, 48, 48), 0.9, crop=crop, probabilities=np.array(probabilities))
    assert (face.predicted, face.coarse) == (predicted, coarse)


def test_photo_without_a_face_gives_no_prediction(predictor):
    assert predictor(np.full((100, 100, 3), 128, np.uint8)) == []


def test_exported_network_agrees_with_keras(predictor, run_folder, images):
    import keras

    model = keras.models.load_model(run_folder / "model.keras")
    expected = np.asarray(model(images[..., None].astype("float32")))
    assert np.allclose(predictor.predict_images(images), expected, atol=1e-4)


def test_batch_size_does_not_matter(predictor, images):
    together = predictor.predict_images(images)
    single = np.concatenate([predictor.predict_images(images[i : i + 1]) for i in range(len(images))])
    many = predictor.predict_images(np.tile(images, (120, 1, 1)))
    assert np.allclose(together, single, atol=1e-5)
    assert np.allclose(many, np.tile(together, (120, 1)), atol=1e-5)
    assert predictor.predict_images(images[:0]).shape == (0, 7)


def test_threads_may_share_a_predictor(predictor, images):
    expected = predictor.predict_images(images)
    wrong = []

    def work(size):
        for _ in range(20):
            if not np.allclose(predictor.predict_images(images[:size]), expected[:size], atol=1e-5):
                wrong.append(size)

    threads = [threading.Thread(target=work, args=(size,)) for size in (1, 2, 3, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("bad", [np.zeros((2, 48, 48)), np.zeros((48, 48), np.uint8), np.zeros((1, 64, 64))])
def test_images_of_another_kind_are_refused(predictor, bad):
    with pytest.raises(ValueError, match=r"expected .N, 48, 48. uint8"):
        predictor.predict_images(bad)


def test_temperature_softens_but_keeps_the_order(predictor, changed, images):
    sharp, soft = predictor.predict_images(images), changed(temperature=2.0).predict_images(images)
    expected = np.sqrt(sharp) / np.sqrt(sharp).sum(axis=1, keepdims=True)
    assert np.allclose(soft, expected, atol=1e-5)
    assert (soft.max(axis=1) < sharp.max(axis=1)).all()


def test_rare_emotions_can_be_expected_as_often_as_common_ones(changed, images):
    prior = (0.3, 0.1, 0.1, 0.2, 0.1, 0.1, 0.1)
    plain, adjusted = changed(prior=prior), changed(prior=prior, logit_adjustment=1.0)
    expected = plain.predict_images(images) / prior
    assert np.allclose(adjusted.predict_images(images), expected / expected.sum(1, keepdims=True), atol=1e-5)
    with pytest.raises(ValueError, match="how common the emotions were in its training"):
        changed(prior=None, logit_adjustment=0.5)


def test_missing_run_names_those_that_are_there(run_folder, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no run 'mini'.*usable runs there: tiny"):
        load_predictor("mini", models_dir=run_folder.parent)
    with pytest.raises(FileNotFoundError, match="runs there: none"):
        load_predictor("mini", models_dir=tmp_path)


def test_an_installed_package_has_its_own_runs(run_folder, tmp_path, monkeypatch):
    packaged, own = tmp_path / "packaged", tmp_path / "models"
    monkeypatch.setattr("ferlib.config.MODELS_DIR", own)
    monkeypatch.setattr("ferlib.config.PACKAGED_MODELS_DIR", packaged)
    with pytest.raises(FileNotFoundError, match=r"no run 'tiny' in .*models.*usable runs there: none"):
        load_predictor("tiny")
    (packaged / "tiny").mkdir(parents=True)
    for name in ("metadata.json", "model.tflite"):
        shutil.copy(run_folder / name, packaged / "tiny")
    assert load_predictor("tiny").predict_images(np.zeros((1, 48, 48), np.uint8)).shape == (1, 7)
    with pytest.raises(FileNotFoundError, match=r"no run 'mini' in .*packaged.*usable runs there: tiny"):
        load_predictor("mini")
    shutil.copytree(packaged / "tiny", own / "mine")
    assert [load_predictor(name).name for name in ("mine", "tiny")] == ["mine", "tiny"]
    with pytest.raises(FileNotFoundError, match="runs there: mine"):
        load_predictor("mini")
    shutil.copytree(packaged / "tiny", own / "tiny")
    (packaged / "tiny" / "metadata.json").write_text("{")
    assert load_predictor("tiny").name == "tiny"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"emotions": sorted(EMOTIONS)}, "emotions angry disgust fear happy neutral"),
        ({"input": {"height": 64, "width": 64, "channels": 1, "low": 0, "high": 255}}, "input .*64"),
        ({"input": {"height": 48, "width": 48, "channels": 1, "low": 0, "high": 1}}, "input .*'high': 1"),
        ({"network_sha256": "0" * 64}, "is not the network"),
        ({"temperature": 0}, "temperature 0.0, expected more"),
        ({"temperature": None}, "lacks 'temperature'"),
        ({"temperature": "warm"}, "is damaged"),
    ],
)
def test_metadata_that_does_not_fit_is_refused(changed, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        changed(**changes)


def test_missing_network_and_damaged_metadata_are_refused(changed, run_folder, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"comes without its network"):
        changed(network="gone.tflite")
    (tmp_path / "tiny" / "metadata.json").write_text('{"name": "tiny"')
    with pytest.raises(ValueError, match=r"metadata\.json is damaged"):
        load_predictor("tiny", models_dir=tmp_path)


def test_networks_that_start_at_once_leave_stderr_as_it_was():
    code = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from ferlib import inference
content = (Path(inference.__file__).parent / "blazeface.tflite").read_bytes()
with ThreadPoolExecutor(4) as pool:
    list(pool.map(inference.Network, [content] * 24))
print("heard", file=sys.stderr)
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr == "heard\n"


def test_prediction_needs_no_tensorflow_and_says_nothing(run_folder):
    code = f"""
import sys
from ferlib.inference import load_predictor, sample_photo
load_predictor("tiny", models_dir={str(run_folder.parent)!r})(sample_photo())
heavy = {{"tensorflow", "keras", "pandas", "matplotlib", "sklearn"}} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
