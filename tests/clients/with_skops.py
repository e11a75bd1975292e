"""skops: a file without pickled code; it holds no types but those of this package."""

import ar3
import numpy as np
import skops.io
from sklearn.pipeline import make_pipeline

from skrnn import GRURegressor, SlidingWindowTransformer

df = ar3.series().to_frame()
model = make_pipeline(SlidingWindowTransformer(ar3.WINDOW, horizon=1), GRURegressor(random_state=0))
model.fit(df[: -ar3.N_TEST], df["load"][: -ar3.N_TEST])
data = skops.io.dumps(model)
types = skops.io.get_untrusted_types(data=data)
assert all(name.startswith("skrnn.") for name in types)
loaded = skops.io.loads(data, trusted=types)
np.testing.assert_array_equal(loaded.predict(df[-ar3.N_TEST :]), model.predict(df[-ar3.N_TEST :]))
print(f"{len(data) / 1024:.0f} KiB, {len(types)} types to trust")
