/** Numbers as text for readers: units, a real minus, no more digits than tell something. @module */
import { fixed } from "../values.ts";

/** A number as text; a share is in percent. */
export function number(value: number, share: boolean): string {
  const text = share ? `${fixed(100 * value, 1)} %` : Number.isInteger(value) ? whole(value) : value.toPrecision(4);
  return minus(text);
}

/** An integer with its thousands apart. */
export function whole(value: number): string {
  return minus(Math.abs(value) < 1e21 ? (Math.round(value) + 0).toLocaleString("en-US") : String(value));
}

/** A difference with its sign; of shares in percentage points, without the unit. */
export function signed(value: number, share: boolean): string {
  const text = share ? fixed(100 * value, 1) : value.toPrecision(3);
  return text.startsWith("-") ? minus(text) : `+${text}`;
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

/** A word with its number: `1 iteration`, `1,500 rows`. */
export function counted(value: number, word: string): string {
  return `${whole(value)} ${word}${value === 1 ? "" : "s"}`;
}

function minus(text: string): string {
  return text.replace(/^-/, "−");
}
