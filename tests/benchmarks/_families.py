"""The families of ``families.py`` by name, each kind divided evenly between the halves.

``FAMILIES[name].data(n_rows, seed)`` gives X, y and the error of the noise, and ``.windows(n_rows, seed)`` the same
rows as arrays of windows for training and test.
"""

from __future__ import annotations

import _families_bent
import _families_inputs
import _families_smooth
from _family import HALVES, Family, Windows, n_training_rows, root_mean_squared

__all__ = ["FAMILIES", "HALVES", "KINDS", "Family", "Windows", "n_training_rows", "root_mean_squared"]

FAMILIES: dict[str, Family] = {
    name: found
    for module in (_families_smooth, _families_bent, _families_inputs)
    for name, found in vars(module).items()
    if isinstance(found, Family)
}
KINDS = tuple(dict.fromkeys(family.kind for family in FAMILIES.values()))
