import assert from "node:assert/strict";
import { loadConfig } from "../../../core/config/config.ts";
import { dnpo, succeeded, withFolder } from "../../_shared/dnpo.ts";

Deno.test("dnpo import-config prints a config that loads, or writes it where nothing is", () =>
  withFolder(async (dir) => {
    const [file, made] = [`${dir}/trl.yaml`, `${dir}/new/mine.yaml`];
    await Deno.writeTextFile(file, "model_name_or_path: m\ndataset_name: d\nbeta: 0.2\nmax_prompt_length: 8\n");
    const args = ["import-config", file];
    const printed = await dnpo(args);
    assert.equal(printed.code, 0);
    assert.equal(
      printed.err,
      "Read a config of trl; its comments name 1 key that means something else here and 1 that was left out.\n",
    );
    assert.equal(succeeded([...args, "-o", made], await dnpo([...args, "-o", made])), "");
    assert.equal(await Deno.readTextFile(made), printed.out);
    assert.equal((await loadConfig(made)).training.beta, 0.2);

    await Deno.writeTextFile(made, "mine");
    const again = await dnpo([...args, "-o", made]);
    assert.deepEqual([again.code, again.out], [1, ""]);
    assert.match(
      again.err,
      /^error: Cannot write .*mine\.yaml: it is there already, expected a new name, or --force\n$/,
    );
    assert.equal(await Deno.readTextFile(made), "mine");
    succeeded(args, await dnpo([...args, "-o", made, "--force"]));
    assert.equal(await Deno.readTextFile(made), printed.out);
  }));

Deno.test("dnpo import-config writes a chat template beside the config, and over none that is there", () =>
  withFolder(async (dir) => {
    const [file, made] = [`${dir}/handbook.yaml`, `${dir}/mine.yaml`];
    await Deno.writeTextFile(
      file,
      "model_name_or_path: m\ndataset_mixer: { d: 1 }\nbeta: 1\nchat_template: '{{ x }}'\n",
    );
    const args = ["import-config", file, "-o", made];
    succeeded(args, await dnpo(args));
    assert.equal(await Deno.readTextFile(`${dir}/mine.jinja`), "{{ x }}");
    assert.equal((await loadConfig(made)).data.chat_template, `${dir}/mine.jinja`);
    await Deno.remove(made);
    const again = await dnpo(args);
    assert.match(
      again.err,
      /^error: Cannot write .*mine\.jinja: it is there already, expected a new name, or --force\n$/,
    );
    await assert.rejects(Deno.stat(made), Deno.errors.NotFound);
  }));

Deno.test("dnpo import-config says in a line why it refuses, and writes nothing", () =>
  withFolder(async (dir) => {
    const file = `${dir}/trl.yaml`;
    await Deno.writeTextFile(file, "model_name_or_path: m\nloss_type: apo_zero\n");
    const { code, out, err } = await dnpo(["import-config", file, "-o", `${dir}/mine.yaml`]);
    assert.deepEqual([code, out], [1, ""]);
    assert.equal(
      err,
      'error: Cannot import loss_type: "apo_zero" has no counterpart here, expected sigmoid, hinge, ipo, robust, sft\n',
    );
    assert.deepEqual((await Array.fromAsync(Deno.readDir(dir))).map(({ name }) => name), ["trl.yaml"]);
    await Deno.writeTextFile(file, "model_name_or_path: m\ndataset_name: d\nbeta: 0.2\n");
    const within = await dnpo(["import-config", file, "-o", `${file}/mine.yaml`]);
    assert.match(
      within.err,
      /^error: Cannot make the folder \S+trl\.yaml: it is a file, expected a folder or a new name\n$/,
    );
    const over = await dnpo(["import-config", file, "--force", "-o", dir]);
    assert.match(over.err, /^error: Cannot write \S+: Is a directory\n$/);
  }));
