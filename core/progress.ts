/** Progress reports of long work, and what marks a warning. @module */

/** How much of a stage is done. */
export interface ProgressEvent {
  /** The stage's name, such as `generate`. */
  stage: string;
  /** The iteration that the stage belongs to; none of `sft` and `optimize` alone. */
  iteration?: number;
  /** Rows, steps or bytes done so far. */
  done: number;
  /** Rows, steps or bytes in all. */
  total: number;
  /** What is counted, if it is neither rows nor steps. */
  unit?: "bytes";
  /** Tokens since the stage began. */
  tokens?: number;
  /** Tokens of the whole stage, if they are known: what is left of it is told by them. */
  totalTokens?: number;
  /** Latest loss. */
  loss?: number;
  /** Latest loss on held-out rows. */
  evalLoss?: number;
}

/** Receives progress. It is called often, so it must be cheap. */
export type OnProgress = (event: ProgressEvent) => void;

/** The stage in which kernels are compiled, within others, where that takes long. */
export const COMPILE_STAGE = "compile kernels";

/** What tells of compiled kernels as progress. */
export function compileProgress(onProgress: OnProgress): (done: number, total: number) => void {
  return (done, total) => onProgress({ stage: COMPILE_STAGE, done, total });
}

/** What a note begins with that warns: it is shown where others are hidden. */
export const WARNING = "Warning: ";

/** A number of bytes as text: `12 B`, `1.5 kB`, `271.0 MB`, `14.50 GB`. */
export function formatSize(bytes: number): string {
  if (bytes < 1e3) return `${Math.round(bytes)} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}
