/** What the thread of a verifier may read, reach and see, and how much memory it takes. @module */
import type { VerifierPermissions } from "../config/config_types.ts";
import { errorLine } from "../data/formats/data_problems.ts";
import { UserError } from "../error.ts";
import { quote } from "../values.ts";

/** Memory that a verifier may take for one question where the config does not say, in MiB. */
export const VERIFIER_MEMORY = 1024;

/**
 * Throws a UserError if the verifier at `path` is granted what the process has not. Without `--unstable-worker-options`
 * Deno ends the process here, with a line that names the flag: there is no way to ask for the flag, so this is called
 * before any work is done.
 */
export function checkConfinement(path: string, permissions: VerifierPermissions = {}): void {
  confinedWorker(path, "", permissions).terminate();
}

/**
 * Starts a thread that runs the text of a module, for the verifier at `path`, with these permissions and no others.
 * Throws a UserError if they are more than the process has.
 */
export function confinedWorker(path: string, text: string, { read, net, env }: VerifierPermissions): Worker {
  for (const file of read ?? []) check(path, "read", file, { name: "read", path: file });
  for (const host of net ?? []) check(path, "net", host, { name: "net", host });
  for (const variable of env ?? []) check(path, "env", variable, { name: "env", variable });
  const permissions: Deno.PermissionOptionsObject = {
    read: list(read),
    net: list(net),
    env: list(env),
    write: false,
    sys: false,
    run: false,
    ffi: false,
    import: false,
  };
  try {
    return new Worker(`data:text/javascript,${encodeURIComponent(text)}`, { type: "module", deno: { permissions } });
  } catch (error) {
    throw new UserError(`Cannot run verifier ${path} with labels.verifier_permissions: ${errorLine(error)}`);
  }
}

/** Bytes of memory that the process holds. */
export function memoryHeld(): number {
  return Deno.memoryUsage().rss;
}

/** An empty list would allow nothing too; `false` says so. */
function list(granted: readonly string[] | undefined): string[] | false {
  return granted === undefined || granted.length === 0 ? false : [...granted];
}

function check(
  path: string,
  key: keyof VerifierPermissions,
  granted: string,
  descriptor: Deno.PermissionDescriptor,
): void {
  const grant = `Cannot run verifier ${path}: labels.verifier_permissions.${key} grants ${quote(granted)}`;
  let state: Deno.PermissionState;
  try {
    ({ state } = Deno.permissions.querySync(descriptor));
  } catch (error) {
    throw new UserError(`${grant}: ${errorLine(error)}`);
  }
  if (state === "granted") return;
  throw new UserError(`${grant}, which this process may not use itself, expected what --allow-${key} gives it`);
}
