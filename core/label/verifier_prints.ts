/** What a verifier prints: its thread's standard output belongs to the results of the command. @module */

/** The most lines of a verifier's that are passed on, and the most characters of each. */
const [MOST_LINES, MOST_CHARACTERS] = [20, 300];

/** The line that follows the last one that is passed on. */
const AND_MORE = "(what it prints further is left out)";

/** Replaces the ways by which a thread prints with `tell`, which gets lines: some of them, and none too long. */
export function divertPrints(tell: (line: string) => void): void {
  let left = MOST_LINES;
  const write = (text: () => string): void => {
    if (left <= 0) return;
    for (const line of textOf(text).split("\n")) {
      if (line.trim() === "") continue;
      left -= 1;
      tell(left > 0 ? line.slice(0, MOST_CHARACTERS) : AND_MORE);
      if (left <= 0) return;
    }
  };
  for (const name of ["log", "info", "debug", "warn", "error", "trace", "dir", "table", "dirxml"] as const) {
    console[name] = (...values: unknown[]) => write(() => values.map(shown).join(" "));
  }
  for (
    const name of ["group", "groupCollapsed", "groupEnd", "count", "time", "timeLog", "timeEnd", "assert"] as const
  ) {
    console[name] = () => {};
  }
  const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes.subarray(0, 4 * MOST_CHARACTERS));
  for (const stream of [Deno.stdout, Deno.stderr]) {
    const writeSync = (bytes: Uint8Array): number => {
      write(() => decode(bytes));
      return bytes.length;
    };
    const values = {
      writeSync: { value: writeSync },
      write: { value: (bytes: Uint8Array) => Promise.resolve(writeSync(bytes)) },
      writable: { get: () => new WritableStream<Uint8Array>({ write: (bytes) => void writeSync(bytes) }) },
    };
    Object.defineProperties(stream, values);
  }
  // The streams of Node's library write past Deno's. Looking at them would load it, which takes longer than a score.
  const { process } = globalThis as { process?: object };
  for (const name of process === undefined ? [] : ["stdout", "stderr"]) {
    const stream = {
      isTTY: false,
      write: (data: unknown): boolean => {
        write(() => typeof data === "string" ? data : decode(data as Uint8Array));
        return true;
      },
    };
    Object.defineProperty(process, name, { value: stream });
  }
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : Deno.inspect(value);
}

/** A value's own methods, which printing calls, may throw. */
function textOf(text: () => string): string {
  try {
    return text();
  } catch {
    return "(what cannot be shown)";
  }
}
