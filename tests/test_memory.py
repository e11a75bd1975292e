"""Memory of the compiled loops."""

import numpy as np
import pytest

from skrnn._compiled.memory import LINE, in_lines


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_begins_with_a_line_of_the_cache(dtype):
    rooms = [in_lines(size, dtype) for size in (1, 17, 1000, 10**6)]
    assert [room.size for room in rooms] == [1, 17, 1000, 10**6]
    assert all(room.dtype == dtype and room.ctypes.data % LINE == 0 for room in rooms)
