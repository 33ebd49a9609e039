/** Judges, which score the human and the generated answer of a row. @module */
import type { ResponseRow } from "../data/stage_files.ts";
import type { ServerCounts } from "./server_questions.ts";

/** A row's scores; null if the judge gives none. */
export interface Scores {
  human: number | null;
  generated: number | null;
  /** Whether the judge, asked about the answers in both orders, gave different verdicts; absent for other judges. */
  ordersDisagree?: boolean;
}

/** Scores answers; larger is better. */
export interface Judge {
  /** Its name in the config. */
  readonly name: string;
  /** Scores rows in order. `onDone` is called with the number of rows done, and may throw to stop. */
  score(rows: readonly ResponseRow[], onDone: (done: number) => void): Promise<Scores[]>;
  /** What it counted in `score`, by the names of metrics.jsonl: `labels/…`. */
  metrics?(): Record<string, number>;
  /** What `score` asked a server now, and not before; null, or no function, if it asks none. */
  asked?(): ServerCounts | null;
  /** Lines for the user about what it did in `score`. */
  notes?(): string[];
}

/** The judge that always prefers the human answer and scores nothing (SPIN). */
export const humanJudge: Judge = {
  name: "human",
  score: (rows) => Promise.resolve(rows.map(() => ({ human: null, generated: null }))),
};
