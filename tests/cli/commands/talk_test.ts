import { deepEqual, match, rejects } from "node:assert/strict";
import { Talk } from "../../../cli/commands/_talk.ts";
import { openChat } from "../../../core/generate/open_chat.ts";
import { CHATML, writeTokenizer } from "../../core/data/_fixtures.ts";
import { withFolder } from "../../_shared/dnpo.ts";
import { writeTinyModel } from "../../_shared/tiny_model.ts";

Deno.test("Talk lets neither of two models answer what one of them cannot take", () =>
  withFolder(async (dir) => {
    for (const [name, positions] of [["long", 512], ["short", 64]] as const) {
      await writeTinyModel(`${dir}/${name}`, { config: { vocab_size: 364, max_position_embeddings: positions } });
      await writeTokenizer(`${dir}/${name}`, { config: { chat_template: CHATML } });
    }
    const settings = { max_new_tokens: 3, seed: 1 };
    const open = (name: string) => openChat({ model: `${dir}/${name}`, settings });
    using opened = await open("long");
    let written = "";
    const write = (text: string): void => void (written += text);
    using talk = new Talk({ name: "long", opened, system: undefined, stats: false, write, open });
    const say = (...lines: string[]): Promise<number> =>
      talk.pipe((async function* () {
        yield* lines;
      })());
    await say("/compare short");
    await rejects(
      say("ab".repeat(100)),
      /^UserError: Cannot answer: the prompt has \d+ tokens, expected less than .* 64$/,
    );
    deepEqual([opened.chat.turns, written], [0, ""]);
    await say("ab");
    deepEqual(opened.chat.turns, 2);
    match(written, /^A: [^]*\nB: /);
  }));
