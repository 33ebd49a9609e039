/** Loops in AMD's assembly, as Mesa prints it. @module */

const LABEL = /^(BB\d+):/;
const BRANCH = /^\s*s_c?branch\S*\s+(BB\d+)/;

/** A loop: its instructions, in their order. */
export interface Loop {
  readonly instructions: readonly string[];
}

/** The smallest loop with an instruction whose name `wanted` takes; null where there is none. */
export function innermostLoop(assembly: string, wanted: RegExp): Loop | null {
  const instructions: string[] = [];
  const places = new Map<string, number>();
  let smallest: Loop | null = null;
  for (const line of assembly.split("\n")) {
    const label = LABEL.exec(line)?.[1];
    if (label !== undefined) {
      places.set(label, instructions.length);
      continue;
    }
    const [name] = line.trim().split(/\s/, 1);
    if (!/^[a-z]\w+$/.test(name!)) continue;
    instructions.push(name!);
    // A branch that goes back ends a loop.
    const start = places.get(BRANCH.exec(line)?.[1] ?? "");
    if (start === undefined) continue;
    const loop = instructions.slice(start);
    const isSmaller = smallest === null || loop.length < smallest.instructions.length;
    if (isSmaller && loop.some((name) => wanted.test(name))) smallest = { instructions: loop };
  }
  return smallest;
}
