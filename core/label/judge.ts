/** Judges: what scores the human and the generated answer of a row. @module */
import type { ResponseRow } from "../data/stage_files.ts";

/** A row's scores; null where the judge gives none. */
export interface Scores {
  human: number | null;
  generated: number | null;
  /** Of a judge that is asked in both orders: whether what it answered is not the same. */
  ordersDisagree?: boolean;
}

/** Scores answers; larger is better. */
export interface Judge {
  /** Its name in the config. */
  readonly name: string;
  /** Scores rows in order; `onDone` is told how many are done. */
  score(rows: readonly ResponseRow[], onDone: (done: number) => void): Promise<Scores[]>;
  /** What it has counted in `score`, by its name in metrics.jsonl: `labels/…`. */
  metrics?(): Record<string, number>;
  /** What is worth telling of what it did in `score`. */
  notes?(): string[];
}

/** The judge that always prefers the human answer and scores nothing (SPIN). */
export const humanJudge: Judge = {
  name: "human",
  score: (rows) => Promise.resolve(rows.map(() => ({ human: null, generated: null }))),
};
