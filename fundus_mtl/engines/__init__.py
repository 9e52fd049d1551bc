"""Trainers, one per shape of the step, and the evaluator."""

from fundus_mtl.engines._evaluator import MultiTaskEvaluator
from fundus_mtl.engines._independent_trainer import IndependentTrainer
from fundus_mtl.engines._joint_trainer import JointTrainer
from fundus_mtl.engines._multi_task_trainer import MultiTaskTrainer
from fundus_mtl.engines._prepare_batch import PrepareMultiTaskBatch

__all__ = ["IndependentTrainer", "JointTrainer", "MultiTaskEvaluator", "MultiTaskTrainer", "PrepareMultiTaskBatch"]
