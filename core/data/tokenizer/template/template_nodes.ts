/** The parts of a parsed template. @module */
import type { ArithmeticSign, CompareSign } from "./operators.ts";
import type { Value } from "./python_values.ts";

/** The arguments of a call as they are written; `rest` is `*list`, `keywords` is `**mapping`. */
export interface CallNode {
  positional: readonly Expression[];
  named: readonly (readonly [name: string, value: Expression])[];
  rest: Expression | null;
  keywords: Expression | null;
}

export type Expression =
  | { type: "constant"; value: Value }
  | { type: "name"; name: string }
  | { type: "list" | "tuple" | "concat"; items: readonly Expression[] }
  | { type: "dict"; entries: readonly (readonly [key: Expression, value: Expression])[] }
  | { type: "attribute"; object: Expression; name: string }
  | { type: "item"; object: Expression; key: Expression }
  | {
    type: "slice";
    object: Expression;
    start: Expression | null;
    stop: Expression | null;
    step: Expression | null;
  }
  | { type: "call"; callee: Expression; args: CallNode }
  | { type: "filter"; operand: Expression; name: string; args: CallNode }
  | { type: "test"; operand: Expression; name: string; args: CallNode }
  | { type: "arithmetic"; sign: ArithmeticSign; left: Expression; right: Expression }
  | { type: "compare"; first: Expression; rest: readonly (readonly [sign: CompareSign, right: Expression])[] }
  | { type: "and" | "or"; left: Expression; right: Expression }
  | { type: "not"; operand: Expression }
  | { type: "sign"; sign: "+" | "-"; operand: Expression }
  | { type: "choice"; test: Expression; then: Expression; otherwise: Expression | null };

/** What `set` and `for` assign to: a name, an attribute of a namespace, or several of them. */
export type Target =
  | { type: "name"; name: string }
  | { type: "member"; name: string; attribute: string }
  | { type: "several"; targets: readonly Target[] };

/** A filter of a block, without its operand. */
export interface FilterNode {
  name: string;
  args: CallNode;
}

/** The parameters of a macro, with a default for the last ones. */
export interface Parameters {
  names: readonly string[];
  defaults: readonly Expression[];
}

export interface MacroNode {
  type: "macro";
  line: number;
  name: string;
  parameters: Parameters;
  body: readonly Statement[];
  /** Which of `caller`, `varargs` and `kwargs` the body mentions. */
  mentions: ReadonlySet<string>;
}

export interface LoopNode {
  type: "for";
  line: number;
  target: Target;
  items: Expression;
  test: Expression | null;
  isRecursive: boolean;
  body: readonly Statement[];
  otherwise: readonly Statement[];
}

export type Statement =
  | { type: "data"; text: string; line: number }
  | { type: "print"; value: Expression; line: number }
  | {
    type: "if";
    line: number;
    branches: readonly (readonly [Expression, readonly Statement[]])[];
    otherwise: readonly Statement[];
  }
  | LoopNode
  | { type: "break" | "continue"; line: number }
  | { type: "set"; line: number; target: Target; value: Expression }
  | { type: "setBlock"; line: number; target: Target; filters: readonly FilterNode[]; body: readonly Statement[] }
  | {
    type: "with";
    line: number;
    targets: readonly Target[];
    values: readonly Expression[];
    body: readonly Statement[];
  }
  | MacroNode
  | { type: "callBlock"; line: number; call: Expression & { type: "call" }; caller: MacroNode }
  | { type: "filterBlock"; line: number; filters: readonly FilterNode[]; body: readonly Statement[] }
  | { type: "block"; line: number; name: string; isScoped: boolean; body: readonly Statement[] }
  | { type: "generation"; line: number; body: readonly Statement[] };
