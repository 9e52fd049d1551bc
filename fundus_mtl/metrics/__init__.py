"""Metrics: functions on arrays, measurement of one sample as one table row, summaries of rows, and ignite metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fundus_mtl.lazy_names import lazy_names

if TYPE_CHECKING:
    from fundus_mtl.metrics import av, refuge
    from fundus_mtl.metrics._accuracy import TaskAccuracy, correct
    from fundus_mtl.metrics._av_case import ArteryVeinCase, summarise_av
    from fundus_mtl.metrics._bootstrap import bootstrap_interval
    from fundus_mtl.metrics._class_case import ClassCase, summarise_classes
    from fundus_mtl.metrics._classification import (
        accuracy,
        auc,
        sensitivity,
        sensitivity_at_specificity,
        specificity,
    )
    from fundus_mtl.metrics._delta_mtl import DeltaMTL, delta_mtl
    from fundus_mtl.metrics._dice import dice
    from fundus_mtl.metrics._fused_score import fused_score
    from fundus_mtl.metrics._mtl_io_case import MTLIOCase, column_ratio, summarise_mtl_io
    from fundus_mtl.metrics._paired_tests import holm, paired_tests
    from fundus_mtl.metrics._rank_correlation import rank_correlation
    from fundus_mtl.metrics._refuge_case import RefugeCase
    from fundus_mtl.metrics._selection import SELECTION_RULES, EpochNumber, MeanTaskMetric, selection_metric
    from fundus_mtl.metrics._summary import summarise
    from fundus_mtl.metrics._task_loss import NegativeLossSum, TaskLoss, task_losses
    from fundus_mtl.metrics._temperature import Temperature, fit_temperature
    from fundus_mtl.metrics._validation import validation_metrics
    from fundus_mtl.metrics._vcdr_regression import VCDRRegression, fit_vcdr_regression
else:
    __getattr__, __dir__ = lazy_names(__name__)

__all__ = [
    "SELECTION_RULES",
    "ArteryVeinCase",
    "ClassCase",
    "DeltaMTL",
    "EpochNumber",
    "MTLIOCase",
    "MeanTaskMetric",
    "NegativeLossSum",
    "RefugeCase",
    "TaskAccuracy",
    "TaskLoss",
    "Temperature",
    "VCDRRegression",
    "accuracy",
    "auc",
    "av",
    "bootstrap_interval",
    "column_ratio",
    "correct",
    "delta_mtl",
    "dice",
    "fit_temperature",
    "fit_vcdr_regression",
    "fused_score",
    "holm",
    "paired_tests",
    "rank_correlation",
    "refuge",
    "selection_metric",
    "sensitivity",
    "sensitivity_at_specificity",
    "specificity",
    "summarise",
    "summarise_av",
    "summarise_classes",
    "task_losses",
    "validation_metrics",
]
