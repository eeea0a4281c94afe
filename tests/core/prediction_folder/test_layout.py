from __future__ import annotations

from mobseg.labels import Label, LabelTable
from mobseg.prediction_folder.layout import label_map_files


def files(*names):
    labels = (Label(value, name, (0, 0, 0)) for value, name in enumerate(names, start=1))
    return label_map_files("probability_mean", LabelTable(tuple(labels)))


def test_one_label_needs_no_suffix():
    assert files("Liver") == ("probability_mean.nii.gz",)


def test_several_labels_are_told_apart_by_name():
    assert files("Liver", "Kidney, left") == (
        "probability_mean_Liver.nii.gz",
        "probability_mean_Kidney_left.nii.gz",
    )


def test_names_that_collide_or_vanish_get_the_value():
    assert files("Lobe 1", "lobe-1", "肝", "../x") == (
        "probability_mean_Lobe_1_1.nii.gz",
        "probability_mean_lobe_1_2.nii.gz",
        "probability_mean_3.nii.gz",
        "probability_mean_x.nii.gz",
    )
