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
