/** Numbers as text for readers: units, a real minus, no more digits than tell something. @module */
import { percent } from "../values.ts";

/** A number as text; a share is in percent. */
export function number(value: number, share: boolean): string {
  return minus(plainNumber(value, share));
}

/** As {@linkcode number}, with the keyboard's minus: for a terminal, which programs read too. */
export function plainNumber(value: number, share: boolean): string {
  if (share) return `${percent(value)} %`;
  return Number.isInteger(value) ? plainWhole(value) : digits(value, 4);
}

/** An integer with its thousands apart. */
export function whole(value: number): string {
  return minus(plainWhole(value));
}

/** A difference with its sign; of shares in percentage points, without the unit. */
export function signed(value: number, share: boolean): string {
  const text = share ? percent(value) : value === 0 ? "0" : digits(value, 3);
  return text.startsWith("-") ? minus(text) : `+${text}`;
}

/** What ± says, wherever a run's numbers are shown. */
export const PLUS_MINUS = "± is the standard error";

/** A standard error after its ±, with a space before; of shares in percentage points. Empty if it is not known. */
export function plusMinus(stderr: number | null | undefined, share: boolean): string {
  if (stderr === null || stderr === undefined) return "";
  return ` ± ${share ? percent(stderr) : stderr === 0 ? "0" : digits(stderr, 2)}`;
}

/** So many digits, but no more than tell something: 0.00012 is 1.2e-4, and 12,345.6 is 12,346. */
function digits(value: number, count: number): string {
  const size = Math.abs(value);
  if (size >= 10 ** (count - 1) && size < 1e21) return plainWhole(value);
  if (size >= 1e-3) return value.toPrecision(count);
  return value.toExponential(2).replace(/\.?0*e/, "e");
}

function plainWhole(value: number): string {
  return Math.abs(value) < 1e21 ? (Math.round(value) + 0).toLocaleString("en-US") : String(value);
}

/** Seconds in words: `8 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  const minutes = Math.round(seconds / 60);
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** A moment, `2026-11-29 14:03 UTC`; a question mark of what is none. */
export function moment(iso: string): string {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(iso) ? `${iso.slice(0, 16).replace("T", " ")} UTC` : "?";
}

function minus(text: string): string {
  return text.replace(/^-/, "−");
}
