"""Writes quantized_blocks.json: blocks of 32 numbers, and their bytes by gguf's quants.

pip install gguf==0.19.0 && python3 quantized_blocks.py
"""

import base64
import json
import pathlib

import numpy as np
from gguf import GGMLQuantizationType, quants

random = np.random.default_rng(5)
blocks = [
    *random.normal(size=(24, 32)),
    *(random.normal(size=(8, 32)) * 10.0 ** random.integers(-7, 5, size=(8, 32))),
    np.zeros(32),
    np.eye(32)[31] * -3,
    # Halves, of which Q8_0 rounds each away from zero, and the largest twice, of which Q4_0 takes the first.
    np.concatenate([[127, -127], np.arange(-7.5, 7.5, 0.5)]),
    np.concatenate([[-8, 8], np.arange(-7.5, 7.5, 0.5)]),
    np.full(32, 5.2e5),
    # A scale that is zero in float16, and one whose inverse is close to float32's largest.
    np.full(32, 1e-7),
    np.linspace(-5e-37, 4e-37, 32),
]
values = np.array(blocks, dtype=np.float32)
text = lambda array: base64.b64encode(array.tobytes()).decode()
golden = {
    "values": text(values),
    "Q8_0": text(quants.quantize(values, GGMLQuantizationType.Q8_0)),
    "Q4_0": text(quants.quantize(values, GGMLQuantizationType.Q4_0)),
}
(pathlib.Path(__file__).parent / "quantized_blocks.json").write_text(json.dumps(golden, indent=2) + "\n")
