/** The chat template that the config names, in the models that are saved. @module */
import type { ModelFolder } from "../checkpoint/model_folder.ts";
import type { DataConfig } from "../config/config_types.ts";
import { explainIoError } from "../files/io.ts";

/** The folder with the chat template of `data.chat_template` in place of its own, where one is named. */
export async function withChatTemplate(
  folder: ModelFolder,
  { chat_template: path }: Pick<DataConfig, "chat_template">,
): Promise<ModelFolder> {
  if (path === undefined) return folder;
  const chatTemplate = await Deno.readTextFile(path).catch((error) => {
    throw explainIoError(error, `Cannot read ${path}`);
  });
  return { ...folder, chatTemplate };
}
