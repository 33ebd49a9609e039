/** How many instructions of a prompt an answer follows, as IFEval counts it (J. Zhou et al., 2023). @module */
import type { JsonObject } from "../../data/formats/json_numbers.ts";
import { strip } from "../../data/tokenizer/template/python_strings.ts";
import { UserError } from "../../error.ts";
import { isRecord, quote } from "../../values.ts";
import type { Doc } from "../task_config.ts";
import { INSTRUCTIONS, OWN_INSTRUCTIONS } from "./instruction_checks.ts";
import { InstructionKwargs } from "./instruction_kwargs.ts";

/** An instruction of a prompt. */
export interface Instruction {
  readonly id: string;
  readonly kwargs: InstructionKwargs;
}

/** Whether the instructions are followed: all of a prompt's, and each; loosely, if a shortened answer follows them. */
export type InstructionScores = Readonly<{
  prompt_level_strict_acc: boolean;
  inst_level_strict_acc: readonly boolean[];
  prompt_level_loose_acc: boolean;
  inst_level_loose_acc: readonly boolean[];
}>;

/** A row's instructions. Throws a UserError that names what is wrong with it. */
export function instructionsOf({ instruction_id_list: ids, kwargs }: Doc): Instruction[] {
  if (!Array.isArray(ids) || ids.length === 0) {
    throw new UserError(`"instruction_id_list" is ${quote(ids ?? null)}, expected names of instructions`);
  }
  if (!Array.isArray(kwargs) || kwargs.length < ids.length || !kwargs.every(isRecord)) {
    throw new UserError(`"kwargs" is ${quote(kwargs ?? null)}, expected an object for each instruction`);
  }
  return ids.map((id, i) => {
    const check = typeof id === "string" && Object.hasOwn(INSTRUCTIONS, id) ? INSTRUCTIONS[id]! : null;
    if (check === null) {
      throw new UserError(`there is no instruction ${quote(id!)}, expected ${Object.keys(INSTRUCTIONS).join(", ")}`);
    }
    const instruction = { id: id as string, kwargs: new InstructionKwargs(kwargs[i] as JsonObject) };
    try {
      check("a", instruction.kwargs);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      throw new UserError(`instruction ${i}, ${id}: ${error.message}`);
    }
    return instruction;
  });
}

/** The instructions of these rows that may be told otherwise than by lm-eval. */
export function differingInstructions(docs: readonly Doc[]): string[] {
  const asked = docs.flatMap(instructionsOf);
  return Object.entries(OWN_INSTRUCTIONS).filter(([id, differs]) =>
    asked.some((each) => each.id === id && differs(each.kwargs))
  ).map(([id]) => id);
}

/** The scores of an answer. An empty answer follows nothing. */
export function instructionScores(doc: Doc, answer: string): InstructionScores {
  const instructions = instructionsOf(doc);
  const follows = (text: string, { id, kwargs }: Instruction): boolean =>
    strip(text, null) !== "" && INSTRUCTIONS[id]!(text, kwargs);
  const strict = instructions.map((each) => follows(answer, each));
  const texts = looseAnswers(answer);
  const loose = instructions.map((each) => texts.some((text) => follows(text, each)));
  return {
    prompt_level_strict_acc: strict.every(Boolean),
    inst_level_strict_acc: strict,
    prompt_level_loose_acc: loose.every(Boolean),
    inst_level_loose_acc: loose,
  };
}

/** The answer, without its first line, its last one, both, and all of these without asterisks. */
function looseAnswers(answer: string): string[] {
  const lines = answer.split("\n");
  const parts = [lines.slice(1), lines.slice(0, -1), lines.slice(1, -1)].map((some) => strip(some.join("\n"), null));
  return [answer, ...parts].flatMap((text) => [text, text.replaceAll("*", "")]);
}
