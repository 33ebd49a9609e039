/** Writes an experiment's tables into docs/results.md. @module */
import {
  differencesByIteration,
  differencesTable,
  type MethodRuns,
  replaceBetweenMarkers,
  resultsTable,
} from "./results_table.ts";

const PAGE = "docs/results.md";

/** What noise, labels and both change; a pair whose methods did not run is left out. */
const PAIRS = [
  ["SPIN", "SFT"],
  ["+DSL", "SPIN"],
  ["+NPO", "SPIN"],
  ["DNPO", "SPIN"],
  ["DNPO", "+DSL"],
  ["DNPO, more noise", "+DSL"],
  ["DNPO, most noise", "+DSL"],
] as const;

/** Writes the tables of an experiment between its markers, and under them when and where they were written. */
export async function writeResults(name: string, methods: readonly MethodRuns[]): Promise<void> {
  const adapter = (await navigator.gpu.requestAdapter())?.info.description || "a GPU";
  const machine = `${navigator.hardwareConcurrency} CPU cores, WebGPU on ${adapter}`;
  const ran = new Set(methods.map((method) => method.name));
  const pairs = PAIRS.filter((pair) => pair.every((each) => ran.has(each)));
  // A pair that differs in the noise alone.
  const noise = pairs.filter(([a, b]) => b === "+DSL" || a === "+NPO");
  const text = replaceBetweenMarkers(
    await Deno.readTextFile(PAGE),
    name,
    [
      resultsTable(methods, "sampled"),
      resultsTable(methods, "greedy"),
      differencesTable(methods, pairs),
      differencesByIteration(methods, noise, "sampled"),
      differencesByIteration(methods, noise, "greedy"),
      `Written on ${new Date().toISOString().slice(0, 10)}; ${machine}.`,
    ].join("\n\n"),
  );
  await Deno.writeTextFile(PAGE, text);
  console.log(`tables written into ${PAGE}`);
}
