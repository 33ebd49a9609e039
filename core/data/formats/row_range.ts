/** Slices after a data set's name, as in Hugging Face's datasets: `[:2000]`, `[10%:20%]`, `[-100:]`. @module */
import { UserError } from "../../error.ts";
import { shortQuote } from "./data_problems.ts";

/** A part of a data set: bounds in rows or percent, negative ones counted from its end, null if they are not given. */
export interface RowRange {
  from: number | null;
  to: number | null;
  unit: "rows" | "percent";
}

const SLICE = /^\[\s*(?:(-?\d{1,15})(%?))?\s*:\s*(?:(-?\d{1,15})(%?))?\s*\]$/;

/** Cuts the slice off `name`; null if it has none. Throws a UserError if `name` ends with brackets without a slice. */
export function splitRowRange(name: string): { name: string; slice: RowRange | null } {
  const open = name.lastIndexOf("[");
  if (open <= 0 || !name.endsWith("]")) return { name, slice: null };
  return { name: name.slice(0, open), slice: parseRowRange(name, name.slice(open)) };
}

function parseRowRange(name: string, text: string): RowRange {
  const refuse = (): UserError =>
    new UserError(
      `Cannot use ${shortQuote(name)}: ${
        shortQuote(text)
      } is no slice, expected [FROM:TO] in rows or in percent up to 100%, such as [:2000], [10%:20%] or [-100:]`,
    );
  const found = SLICE.exec(text);
  if (!found) throw refuse();
  const [, from, fromPercent, to, toPercent] = found;
  const bounds = [from, to].map((bound) => bound === undefined ? null : Number(bound)) as [
    number | null,
    number | null,
  ];
  const signs = [...(from === undefined ? [] : [fromPercent]), ...(to === undefined ? [] : [toPercent])];
  const unit = signs.includes("%") ? "percent" : "rows";
  if (unit === "percent" && (signs.includes("") || bounds.some((bound) => Math.abs(bound ?? 0) > 100))) throw refuse();
  return { from: bounds[0], to: bounds[1], unit };
}

/** Whether the slice can be resolved without counting the rows. */
export function isAbsolute({ from, to, unit }: RowRange): boolean {
  return unit === "rows" && (from ?? 0) >= 0 && (to ?? 0) >= 0;
}

/** The rows of a slice of `count` rows. Percents are rounded to the nearest row, and halves to the even one. */
export function resolveRowRange({ from, to, unit }: RowRange, count: number): { from: number; to: number } {
  const toRows = (bound: number): number => {
    const rows = unit === "percent" ? roundHalfEven(bound * count / 100) : bound;
    return Math.min(count, rows < 0 ? Math.max(0, count + rows) : rows);
  };
  return { from: from === null ? 0 : toRows(from), to: to === null ? count : toRows(to) };
}

/** Rounds as Python does. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
