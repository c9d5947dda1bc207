"""The benchmark: ratios in one run on one machine, against the bare programs under tini."""
