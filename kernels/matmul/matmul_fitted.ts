/** Fits the tile of a class of sizes to the rows of c, and to how b is stored. @module */
import { isQuantized } from "../storage/storage.ts";
import { LEAST_IMAGE_WORK, type MatmulSizes, TINY } from "./matmul_choice.ts";
import {
  BROADCAST_TILES,
  type BroadcastVariant,
  type FullVariant,
  isBroadcast,
  isTurned,
  type MatmulVariant,
  type TurnedVariant,
} from "./matmul_tiles.ts";

/**
 * Rows of a of a multiple of so many numbers, 4 KiB, lie in one set of a core's first-level cache, so that each step reads
 * them anew: a tile of twice the columns does so half as often.
 */
const ONE_SET = 1024;

/**
 * The tile for the rows of c and the type of b. Where b is not f32 images pay off at any number of lanes. With 16 lanes a
 * lane of NN should own two vec4s of columns. For NT these make a loop over k of 45 KB, which one vec4 keeps within a
 * core's first-level cache of instructions (32 KiB).
 */
export function fittedTile(
  variant: FullVariant,
  { mode, m, n, k, bType = "f32", lanes }: MatmulSizes & { lanes: number },
): FullVariant {
  const few = fewRows(variant, { mode, m });
  if (few !== undefined) return few;
  if (!isBroadcast(variant) || BROADCAST_TILES[variant].rows <= 8) return variant;
  if (bType === "f32") return isTurned(variant) ? turnedOr32Rows(variant, { m, n, k }) : variant;
  if (lanes < 16) return mode === "NT" && !suits32Rows(m) ? "broadcast16image" : "broadcast32image";
  if (mode === "NT" && isQuantized(bType)) {
    if (!suits32Rows(m)) return "broadcast16wide";
    return k % ONE_SET === 0 ? "broadcast32wide" : "broadcast32image";
  }
  return bType === "nf4" && suits26Rows(m) ? "broadcast26wide" : "broadcast32wide";
}

/**
 * Of the tiles of few rows that with as many as there are, images or none as in the variant that was measured: what one
 * sequence decodes, or two, would pay for rows that are not there. Undefined for other tiles.
 */
function fewRows(
  variant: MatmulVariant,
  { mode, m }: Pick<MatmulSizes, "mode" | "m">,
): BroadcastVariant | undefined {
  if (!isBroadcast(variant) || BROADCAST_TILES[variant].rows > 8) return undefined;
  const { image } = BROADCAST_TILES[variant];
  if (mode !== "NT" || m > 2) return image ? "broadcast8image" : "broadcast8";
  if (m === 2) return image ? "broadcast2image" : "broadcast2";
  return image ? "broadcast1image" : "broadcast1";
}

/** Microseconds that a tile takes for a step of 4 k, measured with 16 lanes. */
const STEP = { broadcast32image: 0.85, turned16: 0.5, turned32: 0.8, turned64: 1.35 } as const;

/** The time of a step over all tiles of c. */
function stepOfTiles(variant: keyof typeof STEP, { m, n }: Pick<MatmulSizes, "m" | "n">): number {
  const { rows, columns } = BROADCAST_TILES[variant];
  const [across, along] = isTurned(variant) ? [n, m] : [m, n];
  return STEP[variant] * Math.ceil(across / rows) * Math.ceil(along / columns);
}

/**
 * A turned tile, or where c has rows that leave many of its columns idle, one of 32 rows. That is a text more to compile:
 * the less work there is, the more of it must be saved.
 */
function turnedOr32Rows(
  turned: TurnedVariant,
  { m, n, k }: Pick<MatmulSizes, "m" | "n" | "k">,
): TurnedVariant | "broadcast32image" {
  const work = m * n * k;
  if (work < LEAST_IMAGE_WORK) return turned;
  const wanted = (work < TINY ? 0.75 : 0.9) * stepOfTiles(turned, { m, n });
  return stepOfTiles("broadcast32image", { m, n }) < wanted ? "broadcast32image" : turned;
}

/** Whether tiles of 32 rows suit an NT by eights: one takes 0.88 of the time of two of 16 with 8 lanes, 0.95 with 16. */
function suits32Rows(m: number): boolean {
  return 2 * 0.88 * Math.ceil(m / 32) < Math.ceil(m / 16);
}

/**
 * Whether tiles of 26 rows suit an NN with an nf4 b. Its selects are so long that the loop over k of 32 rows leaves a
 * core's first-level cache of instructions (32 KiB); within it, a tile takes 0.7 of the time.
 */
function suits26Rows(m: number): boolean {
  return 0.7 * Math.ceil(m / 26) < Math.ceil(m / 32);
}
