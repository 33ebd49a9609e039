/** The time that this process has used of the machine's cores. @module */
import process from "node:process";

/** Seconds that this process has kept all cores busy: what a CPU would take by itself, whatever else it is doing. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6 / navigator.hardwareConcurrency;
}
