/** The command line in a terminal, which `script` of util-linux makes. @module */
import { denoArgs } from "./dnpo.ts";

/** Whether `script` is there to make a terminal; it says so where it is not. */
export async function hasTerminal(): Promise<boolean> {
  const { success, stdout } = await new Deno.Command("bash", {
    args: ["-c", "script --version"],
    stdout: "piped",
    stderr: "null",
  }).output().catch(() => ({ success: false, stdout: new Uint8Array() }));
  const there = success && new TextDecoder().decode(stdout).includes("util-linux");
  if (!there) console.log("terminal: NOT RUN, there is no script of util-linux");
  return there;
}

/** Keys to press once the terminal shows a text, after what it showed before. */
export type Press = readonly [shown: string, keys: string];

/**
 * Runs `dnpo ARGS` in a terminal of so many columns, presses keys, and returns what it showed, without what moves the
 * cursor (`raw`: with it), and its exit code.
 */
export async function inTerminal(
  args: readonly string[],
  presses: readonly Press[],
  { columns = 80, env = {} }: { columns?: number; env?: Record<string, string> } = {},
): Promise<{ code: number; shown: string; raw: string }> {
  const quote = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;
  const line = [Deno.execPath(), ...denoArgs(args)].map(quote).join(" ");
  const child = new Deno.Command("bash", {
    args: ["-c", `exec script -qec ${quote(`stty rows 50 cols ${columns}; exec ${line}`)} /dev/null`],
    env: { NO_COLOR: "1", RUST_BACKTRACE: "0", DNPO_CACHE: "", SHELL: "/bin/bash", TERM: "xterm", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const keys = child.stdin.getWriter();
  const left = [...presses];
  let all = "";
  let seen = 0;
  for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
    all += piece;
    for (let at; left.length > 0 && (at = plain(all).indexOf(left[0]![0], seen)) >= 0;) {
      const [shown, typed] = left.shift()!;
      seen = at + shown.length;
      await keys.write(new TextEncoder().encode(typed));
    }
  }
  await keys.close().catch(() => {});
  const { code } = await child.status;
  if (left.length > 0) throw new Error(`The terminal never showed ${JSON.stringify(left[0]![0])}, but:\n${plain(all)}`);
  return { code, shown: plain(all), raw: all };
}

/** The text without escape sequences and carriage returns. */
function plain(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "").replaceAll("\r", "");
}
