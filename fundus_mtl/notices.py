"""Name, version and sentences that every output carries."""

from __future__ import annotations

SOFTWARE = "fundus_mtl"
VERSION = "0.1.0"
DISCLAIMER = (
    "Research use only. Not a medical device; not cleared or approved by FDA, EU MDR or any authority. "
    "Not for diagnosis or treatment decisions. Outputs must be reviewed by a qualified clinician."
)
RESEARCH_USE_ONLY = "Research use only: not a medical device, and not for any decision about a patient."
