/** `dnpo chat`. @module */
import { openChat, type OpenChatOptions, type OpenedChat } from "../../core/generate/open_chat.ts";
import { pipedPrompts } from "../chat_input.ts";
import type { Values } from "../command_entry.ts";
import { configOfFlags, flagValue, QUANTIZATION_FLAG, SAMPLING_FLAGS } from "../config_flags.ts";
import { print } from "../print.ts";
import { Progress } from "../progress_line.ts";
import { modelName } from "./_model_name.ts";
import { Talk } from "./_talk.ts";

/** Talks with a model: in a terminal until the user leaves, in a pipe until it ends. */
export async function chat(named: string | undefined, values: Values): Promise<number> {
  const name = modelName("chat", named, values);
  const options = await optionsOfFlags(values);
  using opened = await open({ ...options, model: name });
  using talk = new Talk({
    name,
    opened,
    system: options.system,
    stats: values.stats === true,
    write: print(Deno.stdout),
    open: (model, { settings, system }) => {
      const { system: _, ...rest } = options;
      return open({ ...rest, model, settings, ...(system !== undefined && { system }) });
    },
  });
  if (typeof values.prompt === "string") return await talk.say(values.prompt);
  if (Deno.stdin.isTerminal()) return await talk.interactive();
  if (values.whole !== true) return await talk.pipe(pipedPrompts({ whole: false }));
  // A text that is read as a whole is a prompt, however it begins.
  for await (const text of pipedPrompts({ whole: true })) return await talk.say(text);
  return 0;
}

async function optionsOfFlags(values: Values): Promise<Omit<OpenChatOptions, "model">> {
  const { generation, data, quantization } = await configOfFlags(values, {
    flags: [...SAMPLING_FLAGS, QUANTIZATION_FLAG, { name: "max-length", key: "data.max_length" }],
    defaults: { generation: { max_new_tokens: 512 } },
  });
  const given = (name: string): boolean => flagValue(values, { name }) !== undefined;
  return {
    quantization,
    settings: {
      max_new_tokens: generation.max_new_tokens,
      ...(given("temperature") && { temperature: generation.temperature }),
      ...(given("top-p") && { top_p: generation.top_p }),
      ...(given("top-k") && { top_k: generation.top_k }),
      ...(given("seed") && { seed: generation.seed }),
      kv_cache_dtype: generation.kv_cache_dtype,
    },
    ...(given("max-length") && { maxLength: data.max_length }),
    ...(typeof values.system === "string" && { system: values.system }),
  };
}

async function open(options: OpenChatOptions): Promise<OpenedChat> {
  const progress = new Progress();
  return await openChat({
    onProgress: (event) => progress.update(event),
    onNote: (line) => progress.note(line),
    ...options,
  }).finally(() => progress.finish());
}
