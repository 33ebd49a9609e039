/**
 * How a lane of NT's broadcast tiles loads a quantized b: for each of its columns the codes of a span of k, in whole
 * texels, and the scales of that span, which lie in one word. A software rasterizer executes what stands in an `if`
 * whether or not the condition holds. So what is not loaded for every step is loaded in a loop around the steps, and
 * tiles of very few rows, whose time is that of the loads, take a span in one step.
 *
 * @module
 */
import { type CodedStorage, type Storage, STORAGE_FACTS } from "../storage/storage.ts";
import { unroll } from "../unroll.ts";
import { chosen } from "./chosen.ts";

/** Tiles of at most this many rows take a span of k in one step. */
const ONE_STEP_ROWS = 2;

/** Elements of a row that share a word of scales, or a scale where rows do not begin with such words. */
export function spanOf(bType: CodedStorage, starts: readonly number[]): number {
  const { group, scaleBytes } = STORAGE_FACTS[bType];
  const word = group * 4 / scaleBytes;
  return starts.every((start) => start % word === 0) ? word : group;
}

/** The k of a step of a tile. */
export function stepOf(span: number, rows: number): number {
  return rows <= ONE_STEP_ROWS ? span : 8;
}

/** The result and the statement of a function that loads the scale of an element, or both of a span that has two. */
export function scalesLoader(bType: Storage, span: number): [type: string, statement: string] {
  return span > STORAGE_FACTS[bType].group ? ["vec2u", "return scales_at(at);"] : ["u32", "return scale_at(at);"];
}

/** Statements and values of a lane's columns, which `b_at` and `column` name. */
export interface SpanText {
  /** Loads the span from k `from` on of a column. */
  load: (column: string, from: string) => string;
  /** Statements before the eights of a step of 8 k. */
  prepare: string;
  /** The `Eight` of a column: eight `index` of the span, or without it that of the step at k. */
  eight: (column: string, index?: number) => string;
}

/** The text for spans of so many k. */
export function spanText(bType: Storage, span: number): SpanText {
  const { group, bits } = STORAGE_FACTS[bType];
  const eights = span / 8;
  const [words, perTexel] = [bits / 4, 128 / bits];
  const levels = Math.log2(eights);
  const scaleOf = (column: string, index: number): string =>
    span === group ? `scale${column}` : `scale${column}[${Math.floor(index * 8 / group)}]`;
  const wordOf = (column: string, index: number, word: number): string => {
    const at = index * words + word;
    return `codes${column}_${at >> 2}[${at % 4}]`;
  };
  const values = (column: string, index: number): string[] => [
    ...Array.from({ length: words }, (_, word) => wordOf(column, index, word)),
    scaleOf(column, index),
  ];
  return {
    load: (column, from) =>
      unroll(
        span / perTexel,
        (t) => `    let codes${column}_${t} = load_texel(b_at${column} + ${from} + ${t * perTexel}u);`,
      ) + `\n    let scale${column} = load_scales(b_at${column} + ${from});`,
    prepare: unroll(levels, (level) => `    let odd${level} = (k & ${8 << level}u) != 0u;`),
    eight(column, index) {
      if (index !== undefined) return `Eight(${values(column, index).join(", ")})`;
      const all = Array.from({ length: eights }, (_, i) => values(column, i));
      const scales = Array.from({ length: span / group }, (_, i) => scaleOf(column, i * group / 8));
      const parts = Array.from(
        { length: words },
        (_, word) => chosen(all.map((value) => value[word]!), (level) => `odd${level}`),
      );
      // The bits of k below those of a group do not choose a scale.
      const first = Math.log2(group / 8);
      return `Eight(${[...parts, chosen(scales, (level) => `odd${level + first}`)].join(", ")})`;
    },
  };
}
