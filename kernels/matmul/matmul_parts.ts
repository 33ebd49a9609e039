/** Cuts a product that alone takes longer than a submission should, by rows of c. @module */
import type { Commands } from "../device/commands.ts";
import type { WorkKind } from "../device/pace.ts";
import { cutRows, type Window } from "../window.ts";
import type { MatmulSizes } from "./matmul_choice.ts";

/** Rows of a part are a multiple of this, so that no tile is cut. */
const PART_ROWS = 128;

/** The parts of a product's rows; one where it is short enough, by what is known of the device. */
export function partsOf({ device: { pace } }: Commands, { mode, m, n, k }: MatmulSizes): Window[] {
  // Products of few rows, whose time is that of reading the matrix, are shorter than a submission.
  const kind: WorkKind = mode === "NT" ? "forward" : "backward";
  const seconds = pace.secondsOf(kind, 2 * m * n * k);
  if (m <= PART_ROWS || seconds <= pace.budget) return [{ first: 0, rows: m }];
  const rows = Math.floor(m * pace.budget / seconds / PART_ROWS) * PART_ROWS;
  return cutRows(m, Math.max(PART_ROWS, rows));
}
