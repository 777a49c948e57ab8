"""FER2013 in any form; splits, balancing, FER+ votes.

load_faces         FER2013 from a csv, an .npz, class folders or an archive; else the embedded set of drawn faces
FaceDataset        images, labels and split of faces; row i of every array is the same face
find_source        the file or folder that `load_faces` reads
count_labels       faces of each emotion
download_faces     fetch FER2013 from Kaggle
convert_faces      write a source as csv, .npz or class folders of PNG
CLASSES            label of every folder name in use

split_faces        the official split: Training, PublicTest, PrivateTest
split_rows         the same as row numbers
oversample_rows    row numbers that give every emotion as many rows as the commonest one
class_weights      loss weights that let every emotion count alike
leak_rows          oversampling before splitting: the leak behind the famous 81 %

load_ferplus       FER+'s votes, and out-of-fold probabilities, for these faces
FerPlus            what `load_ferplus` returns
VOTES              FER+'s columns
load_test_votes    FER+'s votes on a test split of FER2013, without its pictures
load_fer2013_labels  labels and splits of all its rows, likewise
is_fer2013         are these labels FER2013's own of a split?
TEST_SETS          published, deduplicated, faces_only
LABELS             fer2013, ferplus, majority
relabel            the labels of a test split, by one of these
find_rows          rows of a test set within its split
majority_labels    what more than half of the voters saw
ferplus_labels     FER+'s labels, as its benchmark has them
ferplus_shares     share of the voters that saw each emotion, to train on
vote_shares        share of all voters that saw each emotion
vote_entropy       how much the voters of each face disagree
expected_labels    what label FER2013 gives, on average, to faces with such votes
FERPLUS_FILE       the committed file of all this, made by tools/make_ferplus.py

dct_signatures     low frequencies of each face, to find near duplicates by
perceptual_hashes  their signs: 64 bits a face
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "_convert": "convert_faces download_faces".split(),
        "_dataset": "FaceDataset count_labels find_source load_faces".split(),
        "_ferplus": (
            "FERPLUS_FILE FerPlus LABELS TEST_SETS VOTES expected_labels ferplus_labels ferplus_shares find_rows "
            "is_fer2013 load_fer2013_labels load_ferplus load_test_votes majority_labels relabel vote_entropy "
            "vote_shares"
        ).split(),
        "_folders": ["CLASSES"],
        "_hashing": "dct_signatures perceptual_hashes".split(),
        "_splits": "class_weights leak_rows oversample_rows split_faces split_rows".split(),
    },
)
