/** Renders turns by a model's chat template, as lm-eval's HFLM does (0.4.13, `models/huggingface.py`). @module */
import { strip } from "../data/tokenizer/template/python_strings.ts";
import type { Tokenizer } from "../data/tokenizer/tokenizer.ts";
import { UserError } from "../error.ts";
import type { ChatMessage } from "./chat_messages.ts";

/** A rendered conversation, and whether the system's turn was left out because the template refused it. */
export interface RenderedChat {
  readonly text: string;
  readonly isWithoutSystem: boolean;
}

/** Renders a conversation that ends with a question, or with what the answer begins with. */
export type RenderChat = (messages: readonly ChatMessage[]) => RenderedChat;

/** The mark by which transformers finds where an answer is to go on. */
const TAG = "CONTINUE_FINAL_MESSAGE_TAG ";

/** Renders by a tokenizer's template, without the system's turn where the template throws. */
export function chatRendererOf(tokenizer: Pick<Tokenizer, "renderChat">): RenderChat {
  const render = (messages: readonly ChatMessage[]): string =>
    messages.at(-1)?.role === "assistant"
      ? renderOpen(tokenizer, messages)
      : tokenizer.renderChat(messages.map((message) => ({ ...message })), { addGenerationPrompt: true });
  return (messages) => {
    try {
      return { text: render(messages), isWithoutSystem: false };
    } catch (error) {
      const rest = messages.filter(({ role }) => role !== "system");
      if (!(error instanceof UserError) || rest.length === messages.length) throw error;
      return { text: render(rest), isWithoutSystem: true };
    }
  };
}

/** A conversation whose last turn is not closed: transformers' `continue_final_message`. */
function renderOpen(tokenizer: Pick<Tokenizer, "renderChat">, messages: readonly ChatMessage[]): string {
  const last = messages.at(-1)!;
  const marked = [...messages.slice(0, -1), { ...last, content: last.content + TAG }];
  const text = tokenizer.renderChat(marked, { addGenerationPrompt: false });
  const at = text.lastIndexOf(TAG.trim());
  if (at < 0 || !text.includes(strip(last.content, null))) {
    throw new UserError(
      "Cannot render a conversation: the template leaves out what the answer begins with, expected all of it",
    );
  }
  const open = text.slice(0, at);
  return text.startsWith(TAG, at) ? open : strip(open, null, { left: false });
}
