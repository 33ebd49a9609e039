/** The quantized types that a model can be exported in. @module */

/** How matrices are quantized, by llama.cpp's names. */
export const QUANTIZATIONS = ["q8_0", "q4_0"] as const;
