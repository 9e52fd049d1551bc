"""Trainers (one per shape of the training step), evaluator, tiled inferer, second stage and flip uncertainty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fundus_mtl.lazy_names import lazy_names

if TYPE_CHECKING:
    from fundus_mtl.engines._activation_trainer import ActivationTrainer
    from fundus_mtl.engines._cooperative_trainer import CooperativeTrainer
    from fundus_mtl.engines._evaluator import MultiTaskEvaluator
    from fundus_mtl.engines._flip_uncertainty import FlipUncertainty
    from fundus_mtl.engines._folder_evaluator import FolderEvaluator
    from fundus_mtl.engines._independent_trainer import IndependentTrainer
    from fundus_mtl.engines._joint_trainer import JointTrainer
    from fundus_mtl.engines._multi_adaptive_trainer import MultiAdaptiveTrainer
    from fundus_mtl.engines._multi_task_trainer import MultiTaskTrainer
    from fundus_mtl.engines._next_stage import NextStage
    from fundus_mtl.engines._predict import predict
    from fundus_mtl.engines._prepare_batch import PrepareMultiTaskBatch
    from fundus_mtl.engines._stage import Stage
    from fundus_mtl.engines._surgery_trainer import SurgeryTrainer
    from fundus_mtl.engines._tiled_inferer import TiledInferer
else:
    __getattr__, __dir__ = lazy_names(__name__)

__all__ = [
    "ActivationTrainer",
    "CooperativeTrainer",
    "FlipUncertainty",
    "FolderEvaluator",
    "IndependentTrainer",
    "JointTrainer",
    "MultiAdaptiveTrainer",
    "MultiTaskEvaluator",
    "MultiTaskTrainer",
    "NextStage",
    "PrepareMultiTaskBatch",
    "Stage",
    "SurgeryTrainer",
    "TiledInferer",
    "predict",
]
