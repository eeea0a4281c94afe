"""The result on disk, shared by command line, worker and viewers.

A prediction folder holds:

* ``segmentation.seg.nrrd`` and ``segmentation.nii.gz``: the label map, the first with names, colours and
  terminology for 3D Slicer;
* ``probability_mean.nii.gz`` and ``probability_variance.nii.gz``: E[p] and Var[p] of the foreground; with
  several labels one file each, as in ``probability_mean_Liver.nii.gz``;
* ``entropy.nii.gz`` and ``mutual_information.nii.gz`` in nats;
* ``logit_variance_model.nii.gz`` and ``logit_variance_disagreement.nii.gz``: the two parts of the logit
  variance, 0 where they leave no doubt about the class (:mod:`mobseg.certainty`);
* ``regions.csv`` and ``regions.json``: the places to check, by rank;
* ``run.json``: the format version, how the result was made, the threshold, the labels and a list of files;
* whatever was added, such as ``report.html``.

All volumes lie on the grid of the input; maps are float32, rounded as :mod:`.rounding` says.
"""

from mobseg.prediction_folder.reading import StoredPrediction, read_prediction_folder
from mobseg.prediction_folder.records import ThresholdRecord
from mobseg.prediction_folder.rounding import rounded_maps
from mobseg.prediction_folder.writing import (
    PredictionFolderWriter,
    check_destination,
    write_prediction_folder,
)

__all__ = [
    "PredictionFolderWriter",
    "StoredPrediction",
    "ThresholdRecord",
    "check_destination",
    "read_prediction_folder",
    "rounded_maps",
    "write_prediction_folder",
]
