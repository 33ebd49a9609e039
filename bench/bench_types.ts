/** What a benchmark is made of. @module */
import type { Commands } from "../kernels/device/commands.ts";
import type { Device } from "../kernels/device/device.ts";
import type { MatmulMode } from "../kernels/matmul/matmul.ts";

/** What a number counts, as the key of the JSON record. */
export type Unit =
  | "gflops"
  | "tokens_per_s"
  | "documents_per_s"
  | "mib_per_s"
  | "mib"
  | "share"
  | "exponent"
  | "seconds";

/** One line of the result; peers that were not measured are absent. */
export interface Result {
  name: string;
  unit: Unit;
  value: number;
  /** The others' numbers in the same unit: other libraries, or a bare version of the same work. */
  peers: Readonly<Record<string, number>>;
  /** `value` over the peer's: the median over the rounds. */
  ratio: Readonly<Record<string, number>>;
}

/** One way to do the work of a case. */
export interface Contender {
  name: string;
  /** Work of one repeat, where it differs from the case's. */
  work?: number;
  /** Does the work once; throws where the result is wrong. */
  check: () => Promise<void>;
  /** Does the work `repeats` times and waits for the last; returns the seconds it took, one fence included. */
  run: (repeats: number) => Promise<number>;
  free?: () => void;
}

/** A product to compute: sizes, inputs, and some of the results. */
export interface Product {
  mode: MatmulMode;
  m: number;
  n: number;
  k: number;
  /** As stored for the mode. */
  a: Float32Array<ArrayBuffer>;
  b: Float32Array<ArrayBuffer>;
  /** Places of `expected` in c. */
  at: number[];
  expected: Float64Array;
}

/** A library on WebGPU in this process. */
export interface MatmulPeer {
  readonly version: string;
  /** A contender for one product. */
  matmul: (product: Product) => Contender;
}

/** A Llama as a peer builds it. */
export interface JaxModel {
  config: { layers: number; heads: number; kvHeads: number; headDim: number; eps: number; theta: number };
  /** Names and shapes of the parameters. */
  formulas: readonly (readonly [name: string, shape: readonly number[], ...rest: unknown[]])[];
  /** Values of parameter `i`. */
  policy: (i: number) => Float32Array<ArrayBuffer>;
  reference: (i: number) => Float32Array<ArrayBuffer>;
}

/** A DPO step in jax-js. */
export interface JaxStep {
  model: JaxModel;
  /** Rows of one length; 2i is chosen, 2i + 1 rejected, and all but the first token are scored. */
  ids: readonly (readonly number[])[];
  beta: number;
  lr: number;
  maxNorm: number;
  /** Loss and gradient norm of the first step. */
  expected: readonly [number, number];
}

/** Greedy generation in jax-js. */
export interface JaxGenerate {
  model: JaxModel;
  /** Prompts of one length. */
  prompts: readonly (readonly number[])[];
  /** New tokens of each. */
  tokens: number;
  /** Our tokens, row by row. */
  expected: readonly number[];
}

/** jax-js. */
export interface JaxPeer extends MatmulPeer {
  step: (call: JaxStep) => Contender;
  generate: (call: JaxGenerate) => Contender;
}

/** PyTorch in a child process. */
export interface Torch {
  readonly version: string;
  /** Sends one request and waits for its answer. Throws where the child ends or fails. */
  ask: (request: Record<string, unknown>) => Promise<Record<string, unknown>>;
  /** A contender whose answer to `call` holds `sample`, to be `expected` within `rtol` of its largest value. */
  contender: (call: TorchCall, options: { expected: ArrayLike<number>; rtol?: number }) => Contender;
  /** Ends the child. */
  stop: () => Promise<void>;
}

/** A case for PyTorch: the operation's name and its sizes (torch_peer.py). */
export type TorchCall = { op: string } & Record<string, unknown>;

/** The libraries to compare with; null where one cannot be had, or was not asked for. */
export interface Peers {
  jax: JaxPeer | null;
  tfjs: MatmulPeer | null;
  torch: Torch | null;
  /** Starts a PyTorch of its own, whose memory is its own too. */
  startTorch: () => Promise<Torch | null>;
}

/** What every case gets. */
export interface Context {
  readonly device: Device;
  readonly commands: Commands;
  readonly peers: Peers;
  /** Rounds of the alternation. */
  readonly rounds: number;
  /** Seconds of work per fence at least. */
  readonly batchSeconds: number;
  /** Folder for files that are read back; removed in the end. */
  readonly folder: string;
  /** Lines that belong below the table. */
  readonly notes: string[];
}

/** A case, not yet run. */
export interface Spec {
  name: string;
  /** Whether it is in the quick subset. */
  quick: boolean;
  run: (context: Context) => Promise<Result[]>;
}
