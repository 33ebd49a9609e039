/** The time for which this process has used the machine's cores. @module */
import process from "node:process";

/** CPU seconds of this process per core: the time that its work takes on all cores if nothing else is running. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6 / navigator.hardwareConcurrency;
}
