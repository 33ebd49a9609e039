/** The text of docs/kernel_traffic.md. @module */
import type { Traffic } from "./measure_traffic.ts";

/** Bytes moved for a byte needed, of a kernel that is at memory speed by design. */
export const MOST_MOVED = 1.1;

/** Why a kernel moves more than that, by the beginning of its name and of what sets the call apart. */
export const REASONS: readonly { readonly kernel: RegExp; readonly why: string }[] = [
  {
    kernel: /^rms_norm_backward.*, 8,192 columns$/,
    why: "a lane keeps 16 vec4 of `x` and 16 of `dy`, rows of 4,096. What is beyond is read twice: to keep 8,192 " +
      "columns of both would take 256 registers for them alone, all that a lane has on AMD, and spill. Twice the lanes " +
      "would sum in another order, and change the numbers of narrower rows.",
  },
  {
    kernel: /^sampling.*, temperature$/,
    why: "a row is read for its largest logit, and again for the weights, which are relative to it, and for the draw " +
      "among their sums. A row of 151,936 logits has 608 KB, which no workgroup can keep. One pass is possible with " +
      "noise for each token (Gumbel), which draws other tokens than those of the rule, or with sums that are scaled " +
      "again at each new largest logit, which round otherwise.",
  },
  {
    kernel: /^sampling.*, top-k$/,
    why: "as with a temperature, and the threshold is found in eight digits of four bits. Each but the first reads " +
      "only where the digit before left tokens open, so that the number depends on the logits; it was 10.",
  },
  {
    kernel: /^sampling.*, top-p$/,
    why: "as top-k, by weight, and once more for the tokens that are equal to the last one. The digits' sums decide " +
      "which tokens are kept, so that they stay in their order; it was 11.",
  },
];

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

/** Names of the kernels that move more than {@linkcode MOST_MOVED}, with the reason; null where there is none. */
export function excesses(traffic: readonly Traffic[]): { name: string; why: string | null }[] {
  return traffic.filter((each) => ratioOf(each) > MOST_MOVED).map(({ name }) => ({
    name,
    why: REASONS.find(({ kernel }) => kernel.test(name))?.why ?? null,
  }));
}

/** The page. Throws Error where a kernel moves more than it should for no known reason. */
export function trafficPage(traffic: readonly Traffic[]): string {
  const reasons = excesses(traffic).map(({ name, why }) => {
    if (why === null) throw new Error(`Cannot write the page: ${name} is above ${MOST_MOVED}, expected a reason`);
    return `- **${name}**: ${why}`;
  });
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

## What is above the aim

${reasons.join("\n")}

What sampling reads again is small beside the product before it: a row of logits is 1/hidden of the LM head's weights in
float32. With a hidden size of 1,024, top-p at 6.3 in place of 1 adds 0.5 % of these for each row that is sampled, a
third for 64 rows, less where the rows stay in the GPU's L2 cache.

## What the table does not show

- A CPU has the norms' texts that read a row twice: it finds the row in its nearest cache, where barriers and more
  registers cost time.
- Stored rows that are not whole eights are gathered a number at a time, a word for each.
- The forward norms keep rows of up to 8,192 columns (2,048 where columns are no multiple of 4), the backward 4,096
  (1,024); the norm of heads takes heads of up to 1,024 (256). Wider ones are read twice.
`;
}
