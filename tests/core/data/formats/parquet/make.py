"""Writes the Parquet files beside it: pip install pyarrow (25), python3 make.py."""

import os

import pyarrow as pa
import pyarrow.parquet as pq

N = 12
turns = [
    [{"content": f"question {i} é", "role": "user"}, {"content": f"answer {i}", "role": "assistant"}] for i in range(N)
]
table = pa.table(
    {
        "prompt": [f"question {i} é" for i in range(N)],
        "prompt_id": ["same"] * N,
        "messages": turns,
        "reference": pa.array(range(N), pa.int64()),
        "maybe": [None if i % 3 == 0 else f"m{i}" for i in range(N)],
        "nothing": pa.array([None] * N, pa.string()),
        "ids": [[1, 2, i] for i in range(N)],
        "score": [i / 2 for i in range(N)],
    }
)
here = os.path.dirname(os.path.abspath(__file__))
for codec in ["none", "snappy", "zstd", "gzip"]:
    pq.write_table(table, f"{here}/{codec}.parquet", compression=codec, row_group_size=5)
pq.write_table(table, f"{here}/v2.parquet", compression="zstd", row_group_size=5, data_page_version="2.0")
