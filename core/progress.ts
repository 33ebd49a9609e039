/** How long work tells how far it is. @module */

/** How far a stage is. */
export interface ProgressEvent {
  /** Such as `generate`. */
  stage: string;
  /** Iteration it belongs to. */
  iteration?: number;
  /** Rows, steps or bytes that are done. */
  done: number;
  /** Rows, steps or bytes there are. */
  total: number;
  /** What is counted, where that is neither rows nor steps. */
  unit?: "bytes";
  /** Tokens since the stage began. */
  tokens?: number;
  /** Latest loss. */
  loss?: number;
}

/** Receives progress; called often, must be cheap. */
export type OnProgress = (event: ProgressEvent) => void;

/** The size of what is sent, in words: `12 B`, `1.5 kB`, `271.0 MB`, `14.50 GB`. */
export function formatSize(bytes: number): string {
  if (bytes < 1e3) return `${Math.round(bytes)} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}
