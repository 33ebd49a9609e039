/** Numbers with their units, for people. @module */

const BINARY = ["bytes", "KiB", "MiB", "GiB", "TiB"] as const;
const DECIMAL = ["", "k", "M", "G", "T", "P", "E", "Z"] as const;

/** Bytes in words: `512 bytes`, `41.7 MiB`, `1.30 GiB`. */
export function formatBytes(bytes: number): string {
  const power = Math.min(BINARY.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  return power === 0 ? `${bytes} bytes` : `${threeDigits(bytes / 2 ** (10 * power))} ${BINARY[power]}`;
}

/** A number with a decimal prefix before `unit`: `213 GFLOP`, `1.24 GFLOP/s`. */
export function formatScaled(value: number, unit: string): string {
  const power = Math.max(0, Math.min(DECIMAL.length - 1, Math.floor(Math.log10(Math.max(value, 1)) / 3)));
  return `${threeDigits(value / 1000 ** power)} ${DECIMAL[power]}${unit}`;
}

/** A whole number with its thousands separated: `104,768`. */
export function formatCount(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

function threeDigits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
