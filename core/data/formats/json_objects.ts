/** Cuts lines into JSON objects: several may share a line, and one may go over several. @module */
import { parseExact } from "./json_numbers.ts";
import { type JsonScan, scanJson } from "./json_scan.ts";
import type { TextLine } from "./text_lines.ts";

/** The longest object that goes over several lines, in characters and lines; a longer one is a bracket left open. */
const MAX_OPEN = 1 << 24;
const MAX_OPEN_LINES = 20_000;

/**
 * The most characters that are read again because a bracket was left open, a line counted as LINE_COST more; after them,
 * every object is one line. Without a limit, endless brackets would take hours.
 */
const MAX_AGAIN = 1 << 24;
const LINE_COST = 64;

/** The text of a row, or what is wrong with it, with the line where it begins. */
export type RowText = { line: number } & ({ text: string; scan?: JsonScan } | { problem: string });

type Line = TextLine & { line: number };

/**
 * Takes lines, and returns the rows that they complete. If the lines after one that leaves an object open do not make it
 * a whole one, or if one of them is a whole object itself, that line is torn: it is a row that cannot be read, and the
 * lines after it are read as if it were not there.
 */
export class RowSplitter {
  #open: { line: number; text: string }[] = [];
  #depth = 0;
  #size = 0;
  #again = 0;

  /** Whether an object is open. */
  get isOpen(): boolean {
    return this.#open.length > 0;
  }

  /** Adds a line by its number, and returns the rows that are complete. */
  add(line: TextLine, number: number): RowText[] {
    const rows: RowText[] = [];
    // Lines that are left to read, the next one last.
    const left: Line[] = [{ ...line, line: number }];
    for (let next = left.pop(); next !== undefined; next = left.pop()) this.#read(next, { rows, left });
    return rows;
  }

  /** The rows that are left at the end of the file. */
  finish(): RowText[] {
    const rows: RowText[] = [];
    const left: Line[] = [];
    while (this.isOpen) {
      this.#giveUp({ rows, left });
      for (let next = left.pop(); next !== undefined; next = left.pop()) this.#read(next, { rows, left });
    }
    return rows;
  }

  #read(next: Line, { rows, left }: { rows: RowText[]; left: Line[] }): void {
    if (!this.isOpen) {
      rows.push(...this.#begin(next));
      return;
    }
    const { line } = next;
    if ("problem" in next || (next.text.startsWith("{") && isWhole(next.text))) {
      left.push(next);
      return this.#giveUp({ rows, left });
    }
    const { end, depth, isBroken, isTooDeep } = scanJson(next.text, { depth: this.#depth });
    this.#size += next.text.length;
    const isLong = this.#size > MAX_OPEN || this.#open.length >= MAX_OPEN_LINES;
    const text = end < 0 ? null : [...this.#open.map(({ text }) => text), next.text.slice(0, end)].join("\n");
    if (isBroken || isTooDeep || isLong || (text !== null && !isWhole(text))) {
      left.push(next);
      return this.#giveUp({ rows, left });
    }
    if (text === null) {
      this.#open.push({ line, text: next.text });
      this.#depth = depth;
      return;
    }
    rows.push({ line: this.#open[0]!.line, text });
    this.#open = [];
    left.push({ line, text: next.text.slice(end) });
  }

  /** Makes a row of the line that opened an object, and leaves the other lines to be read again. */
  #giveUp({ rows, left }: { rows: RowText[]; left: Line[] }): void {
    const [first, ...others] = this.#open;
    rows.push(first!);
    left.push(...others.reverse());
    this.#again += this.#size + LINE_COST * this.#open.length;
    this.#open = [];
  }

  /** Reads a line where no object is open. */
  #begin(next: Line): RowText[] {
    if ("problem" in next) return [next];
    const { line } = next;
    const text = next.text.trim();
    if (!text.startsWith("{")) return text === "" ? [] : [{ line, text }];
    const rows: RowText[] = [];
    for (let from = 0; from < text.length;) {
      const scan = scanJson(text, { from });
      const rest = from === 0 ? text : text.slice(from);
      if (scan.end === text.length || scan.isBroken) return [...rows, { line, text: rest, scan }];
      if (scan.end < 0) {
        if (scan.isTooDeep || this.#again > MAX_AGAIN) return [...rows, { line, text: rest, scan }];
        this.#open = [{ line, text: rest }];
        this.#depth = scan.depth;
        this.#size = rest.length;
        return rows;
      }
      rows.push({ line, text: text.slice(from, scan.end), scan });
      const gap = /\s*/y;
      gap.lastIndex = scan.end;
      gap.exec(text);
      from = gap.lastIndex;
      // Anything else after an object belongs to no row: the line is wrong as a whole.
      if (text[from] !== "{") return [{ line, text, scan }];
    }
    return rows;
  }
}

function isWhole(text: string): boolean {
  const { end, isTooDeep } = scanJson(text);
  if (isTooDeep || end < 0 || text.slice(end).trim() !== "") return false;
  try {
    parseExact(text);
    return true;
  } catch {
    return false;
  }
}
