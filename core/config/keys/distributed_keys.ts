/** Keys of `distributed`. @module */
import { z } from "zod";
import { GRADIENT_DTYPES } from "../choices.ts";
import { key } from "./key.ts";

/** The most shards: a step has no more rows worth dealing. */
const MOST_SHARDS = 2 ** 16;

const shards = z.int().min(1).max(MOST_SHARDS).refine((count) => Math.log2(count) % 1 === 0, {
  error: "a power of two",
});

/** Keys of `distributed`: how training works on several processes, and on one. */
export const distributedKeys = {
  shards: key(
    shards.default(1),
    "Parts that an optimizer step's rows are cut into, a power of two: their gradients are summed by a fixed tree, so " +
      "that the same number gives the same bytes on 1, 2, 4, … processes, as many as shards at most.",
  ),
  gradient_dtype: key(
    z.enum(GRADIENT_DTYPES).default("float32"),
    "What gradients are rounded to before they are added to those of another shard; bfloat16 halves what ranks send " +
      "to be summed, but not what they gather.",
  ),
  timeout: key(
    z.number().gt(0).lt(1e6).default(600),
    "Seconds that a rank waits for another one before the job is ended.",
    { mayDiffer: true },
  ),
  gather: key(
    z.boolean().default(false),
    "Whether machines that do not see the run's folder are sent the models that its iterations make; false: all ranks see " +
      "the same files, as on a shared file system.",
    { mayDiffer: true },
  ),
};
