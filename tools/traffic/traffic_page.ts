/** The text of docs/kernel_traffic.md. @module */
import type { Traffic } from "./measure_traffic.ts";

/** Bytes moved for a byte needed, of a kernel that is at memory speed by design. */
export const MOST_MOVED = 1.1;

/** Bytes moved for each byte needed. */
export function ratioOf({ needed, moved }: Traffic): number {
  return moved / needed;
}

/** The table in Markdown; what is over the limit is bold. */
export function trafficTable(traffic: readonly Traffic[]): string {
  const lines = traffic.map((each) => {
    const ratio = ratioOf(each).toFixed(2);
    return [
      each.name,
      ...[each.needed, each.moved, each.accessed].map((bytes) => bytes.toLocaleString("en-US")),
      ratioOf(each) > MOST_MOVED ? `**${ratio}**` : ratio,
    ];
  });
  return [
    "| kernel | needed, bytes | moved | accessed | moved / needed |",
    "| --- | ---: | ---: | ---: | ---: |",
    ...lines.map((cells) => `| ${cells.join(" | ")} |`),
  ].join("\n");
}

/** The page. */
export function trafficPage(traffic: readonly Traffic[]): string {
  return `# What kernels move through memory

Kernels that are neither matrix products nor attention do little arithmetic: memory decides how fast they are. This page
says for each how many bytes it moves for each byte that it needs; \`deno task kernel:traffic --docs\` wrote it. Every
index into an array of a kernel was put into a function that adds to a counter (\`tools/traffic/count_accesses.ts\`), and
the kernels then ran, as the GPU family has them, on arrays of a small model. So the numbers are counted, and are the
same on every device.

- **needed**: each operand read once and each result written once; what is updated counts twice. Scratch between two
  kernels is a result of one and an operand of the other.
- **accessed**: all loads and stores of all lanes.
- **moved**: the same, but an operand that is at most 1/32 of what the kernel needs (a norm's weight, which every row
  reads, or a row's number, which all its lanes read) counts once, as it stays in a cache.

The aim is ${MOST_MOVED}; what is **bold** is above it.

${trafficTable(traffic)}
`;
}
