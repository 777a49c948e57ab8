import errno
import struct
import tarfile
import zipfile
import zlib

import cv2
import numpy as np
import pytest
from fer_forms import csv_bytes, make_arrays, pictures, write_folder, write_npz, write_tar, write_zip

from ferlib.data._folders import find_form, read_source

ARRAYS = make_arrays(8)


def png_header(side):
    """A PNG that claims so many pixels and holds none."""
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n\0\0\0\r" + header + struct.pack(">I", zlib.crc32(header)) + b"\0\0\0\0IDAT5\xafa\x1e"


MANY = make_arrays(150)
JPEG = cv2.imencode(".jpg", MANY[0][5])[1].tobytes()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("train/happy/Training_900.png", b"", "0 bytes, expected a picture"),
        ("train/happy/Training_900.png", b"not a picture", "not a readable picture"),
        ("train/happy/Training_900.jpg", JPEG[:-200], "the picture is cut off"),
        ("train/sad/1.png", cv2.imencode(".png", np.zeros((48, 60)))[1].tobytes(), "60x48 pixels, expected a square"),
        ("train/sad/1.png", png_header(60000), "more than 89,478,485 pixels, expected a square face of"),
        ("train/sad/1.png", png_header(9000), "9000x9000 pixels, expected a square face of at most 2048x2048"),
        ("train/contempt/Training_900.png", b"", "folder 'contempt', expected one of angry, disgust"),
    ],
)  # fmt: skip
def test_a_bad_picture_is_rejected_with_its_path_and_reason(name, content, reason, tmp_path):
    files = pictures(MANY) | {name: content}
    for source in (write_folder(tmp_path / "fer", files), write_zip(tmp_path / "fer.zip", files)):
        table = read_source(source)
        np.testing.assert_array_equal(table.images, MANY[0])
        ((where, why),) = table.rejected
        assert where == f"{source.name}/{name}" and why.startswith(reason)


def test_a_link_to_nowhere_is_rejected(tmp_path):
    source = write_folder(tmp_path / "fer", pictures(MANY))
    (source / "train/sad/Training_900.png").symlink_to(tmp_path / "nowhere.png")
    assert read_source(source).rejected == [("fer/train/sad/Training_900.png", "not a readable picture")]


def test_a_temporary_folder_without_room_is_no_damage(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "extract", full)
    with pytest.raises(OSError, match=r"fer.zip: no room to unpack it in .*; free some there"):
        read_source(write_zip(tmp_path / "fer.zip", pictures(ARRAYS)))


def test_too_many_bad_pictures_end_the_load_with_a_summary(tmp_path):
    source = write_folder(tmp_path / "fer", pictures(ARRAYS) | {"train/sad/Training_9.png": b"x"})
    with pytest.raises(ValueError, match=r"fer: 1 of 9 rows .*1 x not a readable picture \(first: fer/train/sad"):
        read_source(source)


def truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def damaged(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("files", [{"fer2013.csv": csv_bytes(ARRAYS)}, pictures(ARRAYS)], ids=["csv", "pictures"])
@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("fer.zip", truncated),
        ("fer.zip", damaged),
        ("fer.tar.gz", truncated),
        ("fer.tar.gz", damaged),
        ("fer.tar", truncated),  # not "damaged": a plain tar has no checksum over its contents
    ],
)
def test_a_damaged_archive_says_so(name, files, damage, tmp_path):
    source = damage((write_zip if name == "fer.zip" else write_tar)(tmp_path / name, files))
    with pytest.raises(ValueError, match=rf"{name}.*(fetch it again|cannot be read)"):
        read_source(source)


@pytest.mark.parametrize("name", ["fer2013.csv", "fer2013.zip", "fer2013.tar.gz"])
def test_an_empty_file_and_a_web_page_in_its_place_say_so(name, tmp_path):
    source = tmp_path / name
    source.write_bytes(b"")
    with pytest.raises(ValueError, match=f"{name}: 0 bytes, expected a csv .*; fetch it again"):
        read_source(source)
    source.write_bytes(b"<!DOCTYPE html><title>Sign in</title>")
    with pytest.raises(ValueError, match=f"{name}: expected a csv .*saw a file that starts with b'<!DOC"):
        read_source(source)


def test_the_contents_count_and_not_the_suffix(tmp_path):
    zipped = write_zip(tmp_path / "fer.zip", {"fer2013.csv": csv_bytes(ARRAYS)})
    assert len(read_source(zipped.rename(tmp_path / "fer2013.csv")).labels) == 8


def test_an_archive_without_faces_says_what_was_seen(tmp_path):
    with pytest.raises(ValueError, match=r"a.zip: expected a csv .*saw one.txt, two.txt"):
        read_source(write_zip(tmp_path / "a.zip", {"one.txt": b"1", "two.txt": b"2"}))
    with pytest.raises(ValueError, match=r"b.zip/test.csv: pixels without emotions"):
        read_source(write_zip(tmp_path / "b.zip", {"test.csv": b"pixels\n1 2\n"}))


def test_an_encrypted_zip_asks_to_be_unpacked(tmp_path):
    source = write_zip(tmp_path / "a.zip", {"fer2013.csv": csv_bytes(ARRAYS)})
    content = bytearray(source.read_bytes())
    for start, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(start) + flags] |= 1
    source.write_bytes(content)
    assert zipfile.ZipFile(source).infolist()[0].flag_bits & 1
    with pytest.raises(ValueError, match=r"a.zip: .*(encrypted|password).*unpack it by hand"):
        read_source(source)


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_archive_members_that_point_elsewhere_touch_no_file(write, tmp_path, monkeypatch):
    (tmp_path / "inside" / "temporary").mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "inside" / "temporary"))
    evil = {"../evil.txt": b"x", "../../../evil.txt": b"x", f"{tmp_path}/evil.txt": b"x"}
    source = write(tmp_path / "a", pictures(ARRAYS) | evil)
    assert len(read_source(source).labels) == 8
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a"]


def test_links_in_an_archive_lead_nowhere(tmp_path):
    (tmp_path / "secret.csv").write_bytes(csv_bytes(ARRAYS))
    source = write_tar(tmp_path / "a.tar", pictures(ARRAYS))
    with tarfile.open(source, "a") as archive:
        link = tarfile.TarInfo("fer2013.csv")
        link.type, link.linkname = tarfile.SYMTYPE, "../../../../../../secret.csv"
        archive.addfile(link)
    assert len(read_source(source).labels) == 8


def test_an_archive_in_an_archive_is_passed_over(tmp_path):
    source = write_zip(tmp_path / "a.zip", pictures(ARRAYS, prefix=False) | {"w/x/y/z/fer.zip": b"PK"})
    assert len(read_source(source).labels) == 8


def test_of_two_copies_in_one_archive_one_is_read(tmp_path):
    files = pictures(ARRAYS)
    both = files | {f"images/{name}": content for name, content in files.items()}
    for source in (write_zip(tmp_path / "twice.zip", both), write_folder(tmp_path / "twice", both)):
        assert len(read_source(source).labels) == 8


def test_litter_of_operating_systems_is_passed_over(tmp_path):
    litter = {"__MACOSX/train/happy/._Training_1.png": b"x", "train/happy/.DS_Store": b"x", "train/happy/._x.png": b"x"}
    for source in (
        write_zip(tmp_path / "fer.zip", pictures(ARRAYS) | litter),
        write_folder(tmp_path / "fer", pictures(ARRAYS) | litter),
    ):
        table = read_source(source)
        assert len(table.labels) == 8 and not table.rejected


def test_grey_levels_are_those_of_opencv(tmp_path):
    rng = np.random.default_rng(0)
    colour = cv2.resize(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8), (48, 48), interpolation=cv2.INTER_CUBIC)
    files = {
        "colour.jpg": cv2.imencode(".jpg", colour)[1],
        "grey.jpg": cv2.imencode(".jpg", colour[..., 0])[1],
        "large.png": cv2.imencode(".png", cv2.resize(colour[..., 0], (100, 100)))[1],
        "deep.png": cv2.imencode(".png", colour[..., 0].astype(np.uint16) * 257)[1],
        "alpha.png": cv2.imencode(".png", np.dstack([colour[..., :1]] * 3 + [colour[..., 1]]))[1],
    }
    files = {f"train/happy/Training_{n}{name}": data.tobytes() for n, (name, data) in enumerate(sorted(files.items()))}
    read = read_source(write_folder(tmp_path / "fer", files)).images
    for image, data in zip(read, files.values(), strict=True):
        expected = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
        expected = cv2.resize(expected, (48, 48), interpolation=cv2.INTER_AREA)
        np.testing.assert_array_equal(image, expected)


def test_names_as_windows_writes_them_into_a_zip(tmp_path):
    files = {name.replace("/", "\\"): data for name, data in pictures(ARRAYS).items()}
    assert len(read_source(write_zip(tmp_path / "fer.zip", files)).labels) == 8


def test_a_csv_wins_over_an_npz_over_an_archive_over_folders(tmp_path):
    write_folder(tmp_path / "fer", pictures(ARRAYS))
    assert find_form(tmp_path)[0] == tmp_path / "fer"
    archive = write_zip(tmp_path / "fer" / "fer.zip", pictures(ARRAYS))
    write_zip(tmp_path / "an_unrelated.zip", {})
    assert find_form(tmp_path)[0] == archive
    write_npz(tmp_path / "a_part.npz", (*ARRAYS[:2], None))
    npz = write_npz(tmp_path / "fer" / "fer2013.npz", ARRAYS)
    assert find_form(tmp_path)[0] == npz
    write_folder(tmp_path / "fer", {"fer2013.csv": csv_bytes(ARRAYS)})
    assert find_form(tmp_path)[0] == tmp_path / "fer" / "fer2013.csv"
