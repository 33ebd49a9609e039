/** The results as JSON and as Markdown. @module */
import type { Result, Unit } from "./bench_types.ts";

const UNITS: Readonly<Record<Unit, string>> = {
  gflops: "GFLOP/s",
  tokens_per_s: "tokens/s",
  documents_per_s: "documents/s",
  mib_per_s: "MiB/s",
  mib: "MiB",
  share: "share of the time",
  exponent: "exponent",
  seconds: "s",
};

/** The records of `--json`: the value lies under its unit's name. */
export function toJson(results: readonly Result[]): Record<string, unknown>[] {
  return results.map(({ name, unit, value, peers, ratio }) => ({ name, [unit]: value, peers, ratio }));
}

/** A number with three digits that count. */
export function digits(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** One result as a line of text. */
export function toLine({ name, unit, value, peers, ratio }: Result): string {
  const others = Object.entries(peers).map(([peer, other]) => `${peer} ${digits(other)} (${digits(ratio[peer]!)}x)`);
  return [`${name}: ${digits(value)} ${UNITS[unit]}`, ...others].join(", ");
}

/** The table of a run, with what belongs around it. */
export function toMarkdown(
  results: readonly Result[],
  { environment, notes }: { environment: readonly string[]; notes: readonly string[] },
): string {
  const rows = results.map(({ name, unit, value, peers, ratio }) => {
    const others = Object.entries(peers).map(([peer, other]) => `${peer} ${digits(other)}`);
    const ratios = Object.entries(ratio).map(([peer, times]) => `${digits(times)} × ${peer}`);
    return `| ${name} | ${digits(value)} | ${UNITS[unit]} | ${others.join("<br>")} | ${ratios.join("<br>")} |`;
  });
  return `<!-- deno-fmt-ignore-file -->

# Benchmarks

Written by \`deno task bench --full\`. A ratio is our number over the other's: above 1 ours is larger, which is better for
rates and worse for memory. Every result is checked before it is timed.

${environment.map((line) => `- ${line}`).join("\n")}

| case | dnpo | unit | others | ratio |
|---|---|---|---|---|
${rows.join("\n")}

${notes.map((note) => `- ${note}`).join("\n")}
`;
}
