import { equal, rejects } from "node:assert/strict";
import { read } from "./_read_row.ts";

const user = { role: "user", content: "2+2?" };
const four = { role: "assistant", content: "4" };

Deno.test("readRows() refuses columns that would change what a row means", async () => {
  const fails = (row: unknown, message: RegExp): Promise<void> => rejects(read(row), { name: "UserError", message });
  const kto = { prompt: "a", completion: "b" };
  for (const label of [true, false, "True", "false", 0, 1, "1", "1.0", "desirable", "Bad"]) {
    await fails(
      { ...kto, label },
      /:1: "label" is \S+: the row is KTO's, an answer and whether it is good, which is not/,
    );
  }
  await fails({ messages: [user, four], label: false }, /"label" is false: the row is KTO's/);
  await fails({ instruction: "a", output: "b", kto_tag: true }, /"kto_tag" is true: the row is KTO's/);
  for (const label of ["positive", 2, null, ["a"]]) equal((await read({ ...kto, label })).row.kind, "text");
  equal((await read({ prompt: "a", chosen: "b", rejected: "c", label: true })).row.kind, "text_pair");
  const text = "a film that ".repeat(9);
  for (const label of [0, "1"]) equal((await read({ text, label })).row.kind, "text");
  await fails({ text, label: true }, /"label" is true: the row is KTO's/);
  const alpaca = { instruction: "a", output: "b" };
  await fails(
    { ...alpaca, history: [["c", "d"]] },
    /"history" is a list, expected no earlier turns beside "instruction"/,
  );
  for (const history of [[], "", null]) equal((await read({ ...alpaca, history })).row.kind, "text");
  await fails({ messages: [user, four], images: ["a.png"] }, /:1: the row has "images", expected text alone/);
  await fails({ ...kto, image: "a.png" }, /the row has "image", expected text alone/);
  equal((await read({ ...kto, images: [], videos: null })).row.kind, "text");
});
