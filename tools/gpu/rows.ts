/** The rows of a GPU's table: kernels whose texts differ in little share one. @module */
import type { Called } from "./limits.ts";
import type { ShaderStats } from "./shader_stats.ts";

/** A compiled kernel. */
export interface CompiledKernel extends Called {
  /** The kernel with what it was called with, and its constants. */
  readonly label: string;
  readonly stats: ShaderStats;
  /** The limits that it breaks. */
  readonly broken: readonly string[];
}

/** A row of the table: of each number the worst. */
export interface Row {
  readonly name: string;
  /** How many texts share it. */
  readonly count: number;
  readonly stats: ShaderStats;
  readonly isOver: boolean;
}

/** The name of a kernel's row. */
export function rowName({ name, call }: Called): string {
  const product = /^(matmul (?:\w+|broadcast \d+x\d+ by \d+ lanes(?: without subgroups)?)) (?:NN|NT|TN|TT) (\w+)/.exec(
    name,
  );
  if (product !== null) return `${product[1]}${product[2] === "f32" ? "" : ", stored otherwise"}`;
  const [head] = call.split(",");
  return head === "" || head === "tuned"
    ? name.replace(/ (vec4|bf16|f16|f32|int8|int4z?|nf4)\b/g, "")
    : `${name}, ${head}`;
}

/** The rows of a table, in the order of the kernels' names. */
export function rowsOf(kernels: readonly CompiledKernel[]): Row[] {
  const groups = Map.groupBy(kernels, rowName);
  const names = [...groups.keys()].toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }));
  return names.map((name) => {
    const group = groups.get(name)!;
    return {
      name,
      count: group.length,
      stats: group.map(({ stats }) => stats).reduce(worse),
      isOver: group.some(({ broken }) => broken.length > 0),
    };
  });
}

function worse(a: ShaderStats, b: ShaderStats): ShaderStats {
  const most = (x: number | null, y: number | null): number | null =>
    x === null || y === null ? x ?? y : Math.max(x, y);
  return {
    lanes: Math.max(a.lanes, b.lanes),
    registers: Math.max(a.registers, b.registers),
    scalarRegisters: most(a.scalarRegisters, b.scalarRegisters),
    spilled: most(a.spilled, b.spilled),
    scratchBytes: Math.max(a.scratchBytes, b.scratchBytes),
    workgroupBytes: most(a.workgroupBytes, b.workgroupBytes),
    waves: a.waves === null || b.waves === null ? a.waves ?? b.waves : Math.min(a.waves, b.waves),
    codeBytes: Math.max(a.codeBytes, b.codeBytes),
    instructions: Math.max(a.instructions, b.instructions),
    cycles: most(a.cycles, b.cycles),
  };
}

const COLUMNS: readonly [head: string, of: (row: Row) => number | null][] = [
  ["texts", ({ count }) => count],
  ["lanes", ({ stats }) => stats.lanes],
  ["registers", ({ stats }) => stats.registers],
  ["SGPRs", ({ stats }) => stats.scalarRegisters],
  ["spilled", ({ stats }) => stats.spilled],
  ["scratch, bytes", ({ stats }) => stats.scratchBytes],
  ["waves", ({ stats }) => stats.waves],
  ["code, bytes", ({ stats }) => stats.codeBytes],
  ["cycles", ({ stats }) => stats.cycles],
];

/** The rows as a table in Markdown; columns of which a driver tells nothing are left out. */
export function tableOf(rows: readonly Row[]): string {
  const columns = COLUMNS.filter(([, of]) => rows.some((row) => of(row) !== null));
  const lines = rows.map((row) => [
    row.isOver ? `**${row.name}**` : row.name,
    ...columns.map(([, of]) => of(row)?.toLocaleString("en-US") ?? ""),
  ]);
  return [
    `| kernel | ${columns.map(([head]) => head).join(" | ")} |`,
    `| --- |${" ---: |".repeat(columns.length)}`,
    ...lines.map((cells) => `| ${cells.join(" | ")} |`),
  ].join("\n");
}
