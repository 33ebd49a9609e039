/** Rotary frequencies, as transformers computes them. @module */
import type { RopeConfig } from "./rope_config.ts";

/** The inverse frequencies [headDim / 2] in float64, with `linear` or `llama3` scaling if the config asks for it. */
export function inverseFrequencies(rope: RopeConfig, headDim: number): Float64Array {
  const frequencies = Float64Array.from({ length: headDim / 2 }, (_, i) => rope.theta ** (-2 * i / headDim));
  switch (rope.type) {
    case "default":
      return frequencies;
    case "linear":
      return frequencies.map((f) => f / rope.factor);
    case "llama3":
      return frequencies.map((f) => {
        const { factor, lowFreqFactor, highFreqFactor, originalMaxPositionEmbeddings: original } = rope;
        const wavelength = 2 * Math.PI / f;
        if (wavelength < original / highFreqFactor) return f;
        if (wavelength > original / lowFreqFactor) return f / factor;
        const smooth = (original / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
        return (1 - smooth) * f / factor + smooth * f;
      });
  }
}
