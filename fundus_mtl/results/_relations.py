"""The relations that all results have, in the order in which they measure and raise flags."""

from __future__ import annotations

from fundus_mtl.results._about_photograph import BurnedIn, FrameSize, Grading, NotGradable, Scale
from fundus_mtl.results._cup_to_disc import CupToDisc, DiscCupMask, UsualRatio
from fundus_mtl.results._disc_to_fovea import DiscToFovea, ImplausibleDisc
from fundus_mtl.results._relation import Relation
from fundus_mtl.results._rim_by_sector import RimBySector
from fundus_mtl.results._vessel_tree import VesselTree
from fundus_mtl.results._which_eye import WhichEye

PHOTOGRAPH: tuple[Relation, ...] = (FrameSize(), Grading(), Scale())  # before the roles, which may replace a value
RELATIONS: tuple[Relation, ...] = (
    *(CupToDisc(), UsualRatio(), DiscCupMask(), ImplausibleDisc(), NotGradable()),
    *(DiscToFovea(), WhichEye(), RimBySector(), VesselTree(), BurnedIn()),
)
