import io

import numpy as np
import pytest
from fer_forms import csv_bytes, make_arrays

from ferlib.data._csv import read_fer_csv

IMAGES, LABELS, SPLIT = make_arrays(12)


def read(text):
    return read_fer_csv(io.BytesIO(text), "fer2013.csv")


def one_bad_row(old, new):
    """A csv of 150 rows whose row 7 (line 8) had `old` replaced by `new`, once."""
    arrays = tuple(np.repeat(array[:1], 150, axis=0) for array in (IMAGES, LABELS, SPLIT))  # every pixel is 7
    lines = csv_bytes(arrays).split(b"\n")
    lines[7] = lines[7].replace(old, new, 1)
    return b"\n".join(lines)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b" 7 ", b" ", "2303 pixels, expected 2304 (48x48)"),
        (b" 7 ", b" 7 7 ", "2305 pixels, expected 2304 (48x48)"),
        (b" 7 ", b" 256 ", "pixel 2 is '256', expected 0 to 255"),
        (b" 7 ", b" 1007 ", "pixel 2 is '1007', expected 0 to 255"),
        (b" 7 ", b" -7 ", "pixel 2 is '-7', expected 0 to 255"),
        (b" 7 ", b" 7.5 ", "pixel 2 is '7.5', expected 0 to 255"),
        (b" 7 ", b" " + b"7" * 5000 + b" ", "pixel 2 is '77777777777777777777', expected 0 to 255"),
        (b" 7 ", b" x ", "pixel 2 is 'x', expected 0 to 255"),
        (b",7 7", b",", "2302 pixels, expected 2304 (48x48)"),
        (b",", b",,", "4 fields, expected 3 as in the first line"),
        (b"%d," % LABELS[0], b"9,", "emotion '9', expected 0 to 6"),
        (b"%d," % LABELS[0], b"happy,", "emotion 'happy', expected 0 to 6"),
        (SPLIT[0].encode(), b"Test", "usage 'Test', expected Training, PublicTest, PrivateTest"),
    ],
)
def test_a_bad_row_is_rejected_with_its_line_and_reason(old, new, reason):
    table = read(one_bad_row(old, new))
    assert table.rejected == [("fer2013.csv line 8", reason)]
    assert len(table.labels) == 149 and (table.images == 7).all()


@pytest.mark.parametrize("new", [b"  7 ", b" 007 ", b" 0007 ", b"\t7 "])
def test_odd_but_clear_spelling_is_read(new):
    table = read(one_bad_row(b" 7 ", new))
    assert not table.rejected and (table.images == 7).all()


def test_a_damaged_row_is_never_read_as_other_pixels():
    rng = np.random.default_rng(0)
    header, *lines = csv_bytes((IMAGES, LABELS, SPLIT)).split(b"\n")[:-1]
    lines = lines * 20  # so that one bad row is less than 1 %
    bytes_to_try = np.frombuffer(b"0129 -.,x\t", np.uint8)
    for _ in range(50):
        damaged = bytearray(lines[5])
        damaged[rng.integers(4, len(damaged) - 20)] = rng.choice(bytes_to_try)
        table = read(b"\n".join([header, *lines[:5], damaged, *lines[6:]]) + b"\n")
        fields = bytes(damaged).split(b",")
        if not table.rejected:
            assert table.images[5].ravel().tolist() == [int(word) for word in fields[1].split()]
        np.testing.assert_array_equal(table.images[-12:], IMAGES)


def test_more_than_one_percent_of_bad_rows_ends_the_load_with_a_summary():
    lines = csv_bytes((IMAGES, LABELS, SPLIT)).split(b"\n")
    for row in (3, 5):
        lines[row] = lines[row].replace(b" ", b" 999 ", 1)
    lines[4] = b"8" + lines[4][1:]
    with pytest.raises(ValueError, match=r"3 of 12 rows .* more than 1%: 2 x 2305 pixels.*fer2013.csv line 4\); 1 x"):
        read(b"\n".join(lines))


def test_a_file_that_ends_within_a_row_is_cut_off_however_small_the_loss():
    whole = one_bad_row(b"", b"")
    with pytest.raises(ValueError, match=r"fer2013.csv line 151: .* it is cut off; fetch it again"):
        read(whole[:-1000])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "fer2013.csv: 0 bytes, expected a csv"),
        (b"emotion,pixels,Usage\n", "fer2013.csv: no rows"),
        (b"pixels\n1 2 3\n", "pixels without emotions .* use fer2013.csv"),
        (b"Usage,Image name,neutral,happiness\n", "FER\\+ votes, which hold no pixels"),
        (b"emotion,emotion,pixels,Usage\n0,0,7 7,Training\n", "two columns are called emotion; remove one of them"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "expected a csv .* saw a file that is no text$"),
        (b"<!DOCTYPE html>\n<html>", "expected a csv .* saw a file that starts with b'<!DOCTYPE html>"),
    ],
)
def test_other_tables_are_refused_with_a_sentence(text, message):
    with pytest.raises(ValueError, match=message):
        read(text)


def test_a_byte_order_mark_does_no_harm():
    assert len(read(b"\xef\xbb\xbf" + csv_bytes((IMAGES, LABELS, SPLIT))).labels) == 12


@pytest.mark.parametrize(
    "line",
    [
        ",emotion,pixels,Usage|0,{emotion},{pixels},{usage}",
        "Usage,pixels,emotion|{usage},{pixels},{emotion}",
        'file,pixels,said,emotion,Usage,file|a.png,{pixels},"me, and you",{emotion},{usage},b.png',
    ],
)
def test_unknown_columns_and_another_order_do_no_harm(line):
    header, line = line.split("|")
    rows = [
        line.format(emotion=label, usage=split, pixels=" ".join(map(str, image.ravel().tolist())))
        for image, label, split in zip(IMAGES, LABELS, SPLIT, strict=True)
    ]
    table = read("\n".join([header, *rows]).encode())
    np.testing.assert_array_equal(table.images, IMAGES)
    np.testing.assert_array_equal(table.labels, LABELS)
    assert not table.rejected


def test_a_row_shorter_than_a_reordered_header_is_rejected():
    with pytest.raises(ValueError, match=r"3 of 3 rows .* 2 fields, expected 3 as in the first line"):
        read(b"pixels,x,emotion\n" + b"7 7,3\n" * 3)
