/** A disk that fills up, again and again: one line each time, and what is saved goes on. @module */
import { deepEqual, equal, match } from "node:assert/strict";
import { type Config, denoArgs, runConfig, withFolder, writeConfig } from "../_shared/dnpo.ts";
import { jsonLines, tinyRows, writeTinyModel } from "../_shared/tiny_model.ts";

/** Sizes of the disk, in KiB; the whole run takes some 230. */
const SIZES = Array.from({ length: 30 }, (_, i) => 8 * (i + 1)).concat(4096);

// With and without states on the way, which are larger than the models.
for (const save_steps of [2, 100]) {
  Deno.test(`train saved every ${save_steps} steps on a disk that is full at every size up to the run's: the same bytes`, () =>
    withFolder(async (dir) => {
      await writeTinyModel(`${dir}/model`);
      await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(tinyRows(12)));
      const of = (name: string): Config => ({
        model: `${dir}/model`,
        output_dir: `${dir}/${name}`,
        iterations: 2,
        data: { train: `${dir}/rows.jsonl` },
        generation: { max_new_tokens: 6, batch_size: 5 },
        training: { learning_rate: 1e-2, per_device_train_batch_size: 2, max_steps: 6, logging_steps: 1, save_steps },
      });
      await runConfig("train", of("whole"));
      for (const name of ["run", "log", "copy"]) await Deno.mkdir(`${dir}/${name}`);
      const args = denoArgs(["train", await writeConfig(of("run")), "--quiet"]);
      // A file system of one's own needs no rights in a name space of one's own, and ends with it.
      const script = [
        'dir="$1"; sizes="$2"; shift 2',
        'mount -t tmpfs -o size=8k tmpfs "$dir/run" || exit 99',
        "for size in $sizes; do",
        '  mount -o "remount,size=${size}k" "$dir/run" || exit 99',
        '  "$@" > "$dir/log/$size.out" 2> "$dir/log/$size.err"',
        '  echo $? > "$dir/log/$size.code"',
        "done",
        'cp -r "$dir/run/." "$dir/copy"',
      ].join("\n");
      const { code, stderr } = await new Deno.Command("unshare", {
        args: ["-r", "-m", "sh", "-c", script, "sh", dir, SIZES.join(" "), Deno.execPath(), ...args],
        env: { NO_COLOR: "1", RUST_BACKTRACE: "0" },
        stdin: "null",
        stdout: "null",
        stderr: "piped",
      }).output();
      equal(code, 0, new TextDecoder().decode(stderr));
      let full = 0;
      for (const size of SIZES) {
        const err = await Deno.readTextFile(`${dir}/log/${size}.err`);
        const ended = Number(await Deno.readTextFile(`${dir}/log/${size}.code`));
        console.log(`${size} KiB: ${ended} ${err.trim().replaceAll(dir, "DIR")}`);
        if (ended === 0) equal(err, "");
        else {
          full++;
          equal(ended, 1, err);
          match(err, /^error: Cannot [^\n]*: No space left on device\n$/);
        }
      }
      equal(full >= 10, true, `the disk was full ${full} times`);
      for (const name of ["metrics.jsonl", "iteration-0/model/model.safetensors", "model/model.safetensors"]) {
        deepEqual(await Deno.readFile(`${dir}/copy/${name}`), await Deno.readFile(`${dir}/whole/${name}`), name);
      }
    }));
}
