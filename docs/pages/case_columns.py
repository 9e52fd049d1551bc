"""Meanings of the columns of ``per_case.csv``, which an evaluation writes."""

from __future__ import annotations

from docs.pages.json_keys import Entry

_OUTLINE = "clinical cleaning, native pixels"
COMMON: tuple[Entry, ...] = (
    ("id", "", "id of the photograph in the datalist"),
    ("note", "", "why values are empty, or why the case could not be evaluated"),
    ("source", "", "data set that the photograph comes from; absent if the datalist names none"),
)
REFUGE: tuple[Entry, ...] = (
    ("disc_dice", "0 to 1", f"Dice of the disc, cup included; {_OUTLINE}"),
    ("cup_dice", "0 to 1", f"Dice of the cup; {_OUTLINE}"),
    ("vcdr_pred", "0 to 1", "predicted vertical cup-to-disc ratio"),
    ("vcdr_true", "0 to 1", "labelled vertical cup-to-disc ratio"),
    ("vcdr_abs_error", "0 to 1", "absolute difference of the two"),
    ("disc_centre_error_px", "px", "distance of the centroids of predicted and labelled disc"),
    ("disc_centre_inside", "0 or 1", "whether the predicted centroid is inside the labelled disc"),
    ("refuge_disc_dice", "0 to 1", "Dice of the disc by REFUGE's definition"),
    ("refuge_cup_dice", "0 to 1", "Dice of the cup by REFUGE's definition"),
    ("refuge_vcdr_pred", "0 to 1", "predicted ratio by REFUGE's definition"),
    ("refuge_vcdr_true", "0 to 1", "labelled ratio by REFUGE's definition"),
    ("refuge_ae_cdr", "0 to 1", "absolute difference of these two"),
    ("fovea_error_px", "px", "distance of predicted and labelled fovea, native pixels"),
    ("fovea_error_px256", "px", "the same after resizing the photograph to 256 x 256"),
    ("fovea_error_dd", "disc diameters", "the same over the height of the labelled disc"),
    ("glaucoma_true", "0 or 1", "label"),
    ("glaucoma_prob", "0 to 1", "final glaucoma score"),
    ("glaucoma_prob_classifier", "0 to 1", "score of the classifier"),
    ("glaucoma_prob_vcdr", "0 to 1", "score of the regression on the cup-to-disc ratio"),
    ("quality_true", "0 to 1", "labelled quality of the photograph"),
    ("quality_pred", "0 to 1", "predicted quality"),
    ("quality_abs_error", "0 to 1", "absolute difference of the two"),
)
CLASSES: tuple[Entry, ...] = (
    ("<task>_true", "class from 0", "label of the task"),
    ("<task>_pred", "class from 0", "predicted class"),
    ("<task>_prob", "0 to 1", "probability of the predicted class"),
    ("<task>_correct", "0 or 1", "whether the two are equal"),
)
