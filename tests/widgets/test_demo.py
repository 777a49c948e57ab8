import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import ipywidgets
import numpy as np
import pytest

from ferlib.config import EMOTION_COLORS, EMOTIONS
from ferlib.evaluation import list_networks
from ferlib.inference import load_predictor, sample_photo
from ferlib.widgets import _demo as demo_module
from ferlib.widgets import _reader as reader_module
from ferlib.widgets import demo
from ferlib.widgets._demo import CameraView, PhotoView, Session, StepsView


@pytest.fixture(scope="module")
def predictor(run_folder):
    return load_predictor("tiny", models_dir=run_folder.parent)


def ask(view, message, *buffers):
    """What the kernel sends back when the page sends a message."""
    sent = []
    view.send = lambda content, buffers=None: sent.append((content, buffers))
    view._handle_custom_msg({"id": "page-1", **message}, [memoryview(data) for data in buffers])
    (answer,) = sent
    assert answer[0]["id"] == "page-1"
    return answer


def resident_memory():
    """Bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def decode(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


def encode(photo, kind=".jpg"):
    return cv2.imencode(kind, photo[..., ::-1])[1].tobytes()


def test_uploaded_photo_is_answered_with_faces_and_crops(predictor):
    data = encode(sample_photo(), ".png")
    answer, (crop,) = ask(PhotoView(Session(predictor)), {"kind": "photo"}, data)
    (face,), (expected,) = answer["faces"], predictor(data)
    assert face["box"] == expected.box and face["emotion"] == expected.emotion
    assert face["probabilities"] == pytest.approx(expected.probabilities)
    assert np.array_equal(decode(crop), expected.crop)
    json.dumps(answer)


def test_a_large_file_comes_in_pieces(predictor):
    data, view = encode(sample_photo(), ".png"), PhotoView(Session(predictor))
    assert ask(view, {"kind": "part", "start": 0}, b"of a photo that was given up")[1] == []
    ask(view, {"kind": "part", "start": 0}, data[:9000])
    answer, (crop,) = ask(view, {"kind": "photo", "start": 9000}, data[9000:])
    (expected,) = predictor(data)
    assert answer["width"] == 512 and np.array_equal(decode(crop), expected.crop)


def test_the_page_is_sent_no_photo_of_many_megabytes(steps):
    steps, photo_view = steps
    data = encode(sample_photo().repeat(4, axis=0).repeat(4, axis=1))
    answer, (_, photo) = ask(photo_view, {"kind": "photo", "return_photo": True}, data)
    assert decode(photo).shape == (1600, 1600, 3) and answer["width"] == 2048
    shown, (photo,) = ask(steps, {"kind": "photo", "network": steps.network, "logit_adjustment": 0})
    assert decode(photo).shape == (1600, 1600, 3)
    assert shown["boxes"][0] == pytest.approx([side * 1600 / 2048 for side in answer["faces"][0]["box"]])


def test_sample_comes_with_its_photo(predictor):
    answer, (crop, photo) = ask(PhotoView(Session(predictor)), {"kind": "sample", "return_photo": True})
    assert len(answer["faces"]) == 1
    assert decode(crop).shape == (48, 48)
    assert np.abs(decode(photo)[..., ::-1].astype(int) - sample_photo()).mean() < 5


def test_photo_without_a_face_is_an_answer_not_an_error(predictor):
    answer, pictures = ask(PhotoView(Session(predictor)), {"kind": "photo"}, encode(np.zeros((64, 64, 3), np.uint8)))
    assert (answer["kind"], answer["faces"], pictures) == ("faces", [], [])


def test_frames_are_answered_without_pictures(predictor):
    answer, pictures = ask(CameraView(Session(predictor)), {"kind": "frame"}, encode(sample_photo()))
    assert len(answer["faces"]) == 1 and pictures == []


@pytest.mark.parametrize("view", [PhotoView, CameraView])
def test_what_is_no_picture_gets_a_sentence(predictor, view):
    answer, _ = ask(view(Session(predictor)), {"kind": "photo"}, b"name,age\n")
    assert answer["kind"] == "error"
    assert answer["text"].startswith("This file is not a picture that can be read")


def test_failure_in_the_kernel_reaches_the_page_and_is_over_then(predictor):
    calls = []

    def fail_once(photo):
        calls.append(photo.shape)
        if len(calls) == 1:
            raise RuntimeError("out of memory")
        return predictor(photo)

    view = CameraView(Session(fail_once))
    answer, _ = ask(view, {"kind": "frame"}, encode(sample_photo()))
    assert answer["text"] == "The kernel failed: RuntimeError: out of memory"
    assert ask(view, {"kind": "frame"}, encode(sample_photo()))[0]["kind"] == "faces"


@pytest.mark.parametrize("view", [PhotoView, CameraView])
def test_state_holds_no_picture(predictor, view):
    widget = view(Session(predictor))
    before = widget.get_state()
    ask(widget, {"kind": "photo"}, encode(sample_photo()))
    assert widget.get_state() == before
    own = {key: value for key, value in before.items() if not key.startswith("_")}
    assert own.pop("emotions") == list(EMOTIONS) and own.pop("colors") == EMOTION_COLORS
    assert set(own) <= {"layout", "tabbable", "tooltip", "promise", "reader"}


@pytest.fixture
def steps(predictor):
    """The third tab of a demo, and the first."""
    tabs = demo(predictor)
    return tabs.children[2], tabs.children[0]


def test_steps_start_with_the_sample_and_follow_the_latest_photo(steps, predictor):
    steps, photo_view = steps
    question = {"kind": "photo", "network": predictor.name, "logit_adjustment": 0}
    answer, (photo,) = ask(steps, question)
    assert np.abs(decode(photo)[..., ::-1].astype(int) - sample_photo()).mean() < 5
    assert answer["boxes"] == [face.box for face in predictor(sample_photo())]
    couple = np.concatenate([sample_photo(), sample_photo()[:, ::-1]], axis=1)
    ask(photo_view, {"kind": "photo"}, encode(couple))
    ask(photo_view, {"kind": "photo"}, encode(np.zeros((64, 64, 3), np.uint8)))
    assert len(ask(steps, question)[0]["boxes"]) == 2


def test_steps_of_a_corrupted_face(steps, predictor):
    (face,) = predictor(sample_photo())
    question = {"kind": "steps", "network": predictor.name, "logit_adjustment": 0, "face": 0, "changes": {}}
    plain, (crop, same, looked) = ask(steps[0], question)
    assert np.array_equal(decode(crop), face.crop) and crop == same
    assert plain["face"]["probabilities"] == pytest.approx(face.probabilities)
    assert decode(looked).shape == (48, 48, 3)
    changes = {slider["change"]: slider["high"] for slider in demo_module.SLIDERS}
    answer, (crop, corrupted, _) = ask(steps[0], {**question, "changes": changes})
    assert np.array_equal(decode(crop), face.crop) and crop != corrupted
    assert sum(answer["face"]["probabilities"]) == pytest.approx(1, abs=1e-5)


def test_another_network_can_be_chosen_for_all_tabs(steps):
    steps, photo_view = steps
    (*_, other) = [network["name"] for network in steps.networks]
    ask(steps, {"kind": "steps", "network": other, "logit_adjustment": 0, "face": 0, "changes": {}})
    assert repr(photo_view) == f"PhotoView(Predictor({other!r}))"


def test_rare_emotions_can_be_expected_more_often_in_all_tabs(steps):
    steps, photo_view = steps
    question = {"kind": "steps", "network": "micro", "face": 0, "changes": {}}
    plain, _ = ask(steps, {**question, "logit_adjustment": 0})
    adjusted, _ = ask(steps, {**question, "logit_adjustment": 1})
    disgust = EMOTIONS.index("disgust")
    assert adjusted["face"]["probabilities"][disgust] > plain["face"]["probabilities"][disgust]
    answer, _ = ask(photo_view, {"kind": "sample"}, b"")
    assert answer["faces"][0]["probabilities"] == pytest.approx(adjusted["face"]["probabilities"], abs=1e-6)
    assert answer["reading"] == "as FER2013 labels faces"


def test_without_a_folder_of_runs_the_demo_has_its_own_network_alone(predictor, tmp_path, monkeypatch):
    monkeypatch.setattr(demo_module, "list_networks", lambda: list_networks(tmp_path / "models"))
    steps = StepsView(Session(predictor))
    assert (steps.networks, steps.network) == ([], predictor.name)
    answer, _ = ask(
        steps, {"kind": "steps", "network": predictor.name, "logit_adjustment": 0, "face": 0, "changes": {}}
    )
    assert answer["kind"] == "steps"


def test_a_person_keeps_a_number_from_frame_to_frame(predictor):
    view = CameraView(Session(predictor))
    answers = [ask(view, {"kind": "frame"}, encode(np.roll(sample_photo(), shift, axis=1)))[0] for shift in (0, 8)]
    assert [[face["person"] for face in answer["faces"]] for answer in answers] == [[1], [1]]


def test_ten_thousand_frames_leave_the_kernel_as_it_was(predictor):
    # the detector is left out, for speed; the video's test has it
    (face,) = predictor(sample_photo())
    view, sizes = CameraView(Session(lambda photo: [replace(face, crop=photo[:48, :48, 0])])), []
    frame = encode(sample_photo()[:240, :320])
    for number in range(10_000):
        ask(view, {"kind": "frame"}, frame)
        if number in (2_000, 9_999):
            sizes.append(resident_memory())
    assert sizes[1] < 1.05 * sizes[0]


def test_the_browsers_reader_comes_as_files_and_needs_no_predictor(predictor, tmp_path, monkeypatch):
    monkeypatch.setattr(reader_module, "READER_DIR", tmp_path / "reader")
    with pytest.raises(FileNotFoundError, match="make page"):
        demo(reader="browser")
    (tmp_path / "reader" / "litert").mkdir(parents=True)
    for name in ("compact_camera.tflite", "blazeface.tflite", "litert/index.js"):
        (tmp_path / "reader" / name).write_text(name)
    photo, camera, steps = demo(reader="browser").children
    assert ask(photo.reader, {"kind": "names"})[0]["names"] == [
        "blazeface.tflite",
        "compact_camera.tflite",
        "litert/index.js",
    ]
    assert ask(photo.reader, {"kind": "file", "name": "litert/index.js"})[1] == [b"litert/index.js"]
    assert camera.reader is photo.reader and "do not leave this device" in camera.promise
    assert [network["name"] for network in steps.networks] == [steps.network] == ["compact_camera"]
    assert repr(photo) == "PhotoView(Reader('compact_camera'))"
    with pytest.raises(ValueError, match="leave the predictor out"):
        demo(predictor, reader="browser")
    with pytest.raises(ValueError, match='"kernel" or "browser"'):
        demo(reader="server")


def test_demo_has_three_tabs(predictor, monkeypatch):
    tabs = demo(predictor)
    assert isinstance(tabs, ipywidgets.Tab) and tabs.titles == ("Photo", "Camera", "How it works")
    assert "PhotoView(Predictor('tiny'))" in repr(tabs) and " at 0x" not in repr(tabs)
    monkeypatch.setattr(demo_module, "load_predictor", lambda: predictor)
    assert [child._esm for child in demo().children] == [child._esm for child in tabs.children]


def test_demo_starts_without_the_heavy_packages():
    code = """
import sys
import ferlib.widgets._demo
heavy = {"tensorflow", "keras", "pandas", "matplotlib", "sklearn"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True)
