/** PyTorch on the CPU, in a child process that answers JSON lines. @module */
import type { Contender, Torch, TorchCall } from "../bench_types.ts";
import { checkClose } from "../measure.ts";

/** Interpreters to try, the first that imports torch is used. */
const INTERPRETERS = ["python3", "/usr/bin/python3"];

/** A running child. */
export class TorchPeer implements Torch {
  readonly version: string;
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: ReadableStreamDefaultReader<string>;
  #rest = "";

  private constructor(child: Deno.ChildProcess, version: string) {
    this.#child = child;
    this.version = version;
    this.#writer = child.stdin.getWriter();
    this.#lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Starts a child with `threads` threads; null where no interpreter has torch. */
  static async start(threads: number): Promise<TorchPeer | null> {
    for (const program of INTERPRETERS) {
      const args = ["-c", "import torch; print(torch.__version__)"];
      const tried = await new Deno.Command(program, { args, stderr: "null" }).output().catch(() => null);
      if (!tried?.success) continue;
      const child = new Deno.Command(program, {
        args: [new URL("torch_peer.py", import.meta.url).pathname],
        env: { OMP_NUM_THREADS: `${threads}`, OPENBLAS_NUM_THREADS: `${threads}` },
        stdin: "piped",
        stdout: "piped",
        stderr: "inherit",
      }).spawn();
      return new TorchPeer(child, new TextDecoder().decode(tried.stdout).trim());
    }
    return null;
  }

  /** Sends one request and waits for its answer. Throws where the child ends or fails. */
  async ask(request: Record<string, unknown>): Promise<Record<string, unknown>> {
    await this.#writer.write(new TextEncoder().encode(JSON.stringify(request) + "\n"));
    while (!this.#rest.includes("\n")) {
      const { value, done } = await this.#lines.read();
      if (done) throw new Error(`PyTorch ended during "${request.op}"`);
      this.#rest += value;
    }
    const end = this.#rest.indexOf("\n");
    const answer = JSON.parse(this.#rest.slice(0, end));
    this.#rest = this.#rest.slice(end + 1);
    return answer;
  }

  /** A contender whose answer to `call` holds `sample`, to be `expected` within `rtol` of its largest value. */
  contender(call: TorchCall, { expected, rtol = 1e-4 }: { expected: ArrayLike<number>; rtol?: number }): Contender {
    return {
      name: "torch",
      check: async () => {
        const { sample } = await this.ask(call);
        checkClose(sample as number[], expected, { label: `torch ${call.op}`, rtol });
      },
      run: async (repeats) => Number((await this.ask({ op: "run", repeats })).seconds),
    };
  }

  /** Ends the child. */
  async stop(): Promise<void> {
    await this.#lines.cancel();
    await this.#writer.close();
    await this.#child.status;
  }
}
