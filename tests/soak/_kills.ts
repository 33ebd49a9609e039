/** Processes that are killed at random moments, and started again until they end. @module */
import { equal } from "node:assert/strict";
import { startDnpo } from "../_shared/dnpo.ts";
import { walk } from "../e2e/_files.ts";

/** Uniform numbers in [0, 1): the same for the same seed. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** When a process is killed: so many milliseconds after its start, or after so many changes in the run's folder. */
type Moment = { milliseconds: number } | { changes: number };

/** What {@linkcode killUntilEnd} works on. */
export interface KillOptions {
  /** The run's folder. */
  folder: string;
  random: () => number;
  /** Duration of a run that is left alone. */
  milliseconds: number;
  /** Processes that are killed at most, before one is let through. */
  most: number;
}

/**
 * Runs `dnpo ARGS` again and again, killed (SIGKILL) at random moments, until it ends by itself, which must be without
 * an error. Returns one line a kill: when it was, and which files were there.
 */
export async function killUntilEnd(
  args: readonly string[],
  { folder, random, milliseconds, most }: KillOptions,
): Promise<string[]> {
  const kills: string[] = [];
  await Deno.mkdir(folder, { recursive: true });
  for (;;) {
    const moment: Moment | null = kills.length >= most
      ? null
      : random() < 0.4
      ? { milliseconds: 1.1 * milliseconds * random() }
      // A change is where a file begins, grows, or takes its place: right after one is where a run is most delicate.
      : { changes: 1 + Math.floor(60 * random() ** 2) };
    const killed = await runAndKill(args, { folder, moment, delay: 3 * random() ** 2 });
    if (!killed) return kills;
    const files = (await walk(folder)).map((path) => path.slice(folder.length + 1));
    const known = [
      "config.yaml",
      ".lock",
      "metrics.jsonl",
      "timings.jsonl",
      "summary.json",
      "log.jsonl",
      "progress.json",
    ];
    const names = files.filter((name) => !known.includes(name) && !/config\.json$/.test(name));
    const when = moment && "changes" in moment
      ? `after ${moment.changes} changes`
      : `after ${moment?.milliseconds.toFixed(0)} ms`;
    kills.push(`${when}: ${names.slice(-3).join(" ") || "nothing yet"}`);
  }
}

/** Runs once; whether it was killed before its end. */
async function runAndKill(
  args: readonly string[],
  { folder, moment, delay }: { folder: string; moment: Moment | null; delay: number },
): Promise<boolean> {
  using watcher = Deno.watchFs(folder, { recursive: true });
  const child = startDnpo(args);
  let ended = false;
  const kill = (): void => {
    if (!ended) child.kill("SIGKILL");
  };
  const output = child.output().finally(() => {
    ended = true;
    // Ends the loop over its events.
    watcher.close();
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  if (moment && "milliseconds" in moment) timer = setTimeout(kill, moment.milliseconds);
  let changes = 0;
  for await (const _ of watcher) {
    if (moment && "changes" in moment && ++changes === moment.changes) timer = setTimeout(kill, delay);
  }
  const { code, signal, stderr } = await output;
  clearTimeout(timer);
  if (signal === null) equal(code, 0, new TextDecoder().decode(stderr));
  return signal === "SIGKILL";
}
