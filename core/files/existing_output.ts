/** What is there already is overwritten only on request. @module */
import { UserError } from "../error.ts";
import { exists } from "./io.ts";

/** Throws a UserError that begins with `action` if something is at `path` and `force` does not allow it. */
export async function refuseExisting(
  path: string,
  { action, force }: { action: string; force: boolean },
): Promise<void> {
  if (!force && await exists(path)) {
    throw new UserError(`${action}: it is there already, expected a new name, or --force`);
  }
}
