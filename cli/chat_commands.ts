/** The commands within `dnpo chat`: which there are, and what a line says. @module */
import { nearestWord } from "../core/config/nearest_word.ts";
import { UserError } from "../core/error.ts";
import { type Flag, SAMPLING_FLAGS } from "./config_flags.ts";

/** A setting that a command shows or changes. */
export interface ChatSetting {
  /** The flag of the command line whose key and bounds it has. */
  flag: Flag;
  /** Its name in a conversation's settings. */
  name: "temperature" | "top_p" | "top_k" | "seed" | "max_new_tokens";
}

const setting = (name: ChatSetting["name"]): ChatSetting => {
  const key = `generation.${name}`;
  return { name, flag: SAMPLING_FLAGS.find((flag) => flag.key === key)! };
};

/** The commands that show a setting or, with a value, change it. */
export const CHAT_SETTINGS: Readonly<Record<string, ChatSetting>> = {
  temperature: setting("temperature"),
  "top-p": setting("top_p"),
  "top-k": setting("top_k"),
  seed: setting("seed"),
  max: setting("max_new_tokens"),
};

/** What `/help` prints. */
export const CHAT_HELP: readonly string[] = [
  "/reset          forget the conversation",
  "/system TEXT    begin anew with this system prompt",
  "/temperature X  how freely tokens are drawn; 0: never,",
  "                always the likeliest (greedy)",
  "/top-p P        draw from the likeliest, of share P in all",
  "/top-k K        draw from the K likeliest; 0: from all",
  "/seed N         draw with this seed",
  "/max N          end an answer after N tokens",
  "/save FILE      keep what was said: .jsonl rows, else text",
  "/compare MODEL  begin anew, with MODEL answering as well;",
  "                without MODEL, end that",
  "/help           these lines",
  "/exit           leave, as Ctrl-D does",
  "A setting without a value is shown. // begins a prompt that",
  "begins with a slash. Ctrl-C stops an answer; what is typed",
  "meanwhile waits for the next prompt.",
];

const OTHERS = ["reset", "system", "save", "compare", "help", "exit", "quit"] as const;

/** A line of a chat: a prompt, or a command with the text behind it. */
export type ChatLine =
  | { prompt: string }
  | { command: typeof OTHERS[number]; rest: string }
  | { setting: string; rest: string };

/**
 * Reads a line. `/word`, alone or before a space, is a command; `//` at the beginning stands for one slash of a prompt;
 * all else, such as `/usr/bin`, is a prompt as it is. Throws a UserError for a command that there is not.
 */
export function readChatLine(text: string): ChatLine {
  const trimmed = text.trim();
  if (trimmed.startsWith("//")) return { prompt: trimmed.slice(1) };
  const [, word, rest = ""] = /^\/([A-Za-z][\w-]*)(?:\s+([^]*))?$/.exec(trimmed) ?? [];
  if (word === undefined) return { prompt: text };
  const name = word.toLowerCase();
  if (Object.hasOwn(CHAT_SETTINGS, name)) return { setting: name, rest };
  const command = OTHERS.find((other) => other === name);
  if (command !== undefined) return { command, rest };
  const near = nearestWord(name, [...Object.keys(CHAT_SETTINGS), ...OTHERS]);
  throw new UserError(
    `Cannot carry out /${word}: there is no such command, expected ${
      near === undefined ? "one that /help lists" : `/${near}`
    }` +
      `; a prompt that begins with /${word} is typed //${word}`,
  );
}
