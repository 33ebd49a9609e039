/** Writes numbers in the forms that `%` and `format` share. @module */
import { exponentText, fixedText, scientific } from "./python_numbers.ts";
import { type Limits, TemplateError } from "./template_limits.ts";

/** The most digits after the point, as in C's. */
const MAX_PRECISION = 4000;

/** How a float is written: `type` is one of e, f, g in either case. */
export interface FloatForm {
  type: string;
  precision: number;
  /** Whether a point is always written, and zeros at the end of g are kept. */
  isAlternate: boolean;
}

/** A float's absolute value in a form of C's printf. */
export function floatForm(value: number, { type, precision, isAlternate }: FloatForm, limits: Limits): string {
  if (precision > MAX_PRECISION) {
    throw new TemplateError(`a precision of ${precision} digits, expected at most ${MAX_PRECISION}`);
  }
  limits.spend(32 + precision);
  const text = Number.isNaN(value) ? "nan" : Number.isFinite(value) ? digits() : "inf";
  return type === type.toUpperCase() ? text.toUpperCase() : text;

  function digits(): string {
    const kind = type.toLowerCase();
    const point = isAlternate ? "." : "";
    if (kind === "f") return fixedText(value, precision) + (precision === 0 ? point : "");
    if (kind === "e") return exponential(precision, point);
    const places = Math.max(precision, 1);
    const { exponent } = scientific(value, places - 1);
    if (exponent < -4 || exponent >= places) {
      const [mantissa, power] = exponential(places - 1, point).split("e") as [string, string];
      return `${isAlternate ? mantissa : withoutZeros(mantissa)}e${power}`;
    }
    const text = fixedText(value, places - 1 - exponent);
    return isAlternate ? (text.includes(".") ? text : `${text}.`) : withoutZeros(text);
  }

  function exponential(places: number, point: string): string {
    const { digits, exponent } = scientific(value, places);
    return `${digits[0]}${places > 0 ? `.${digits.slice(1)}` : point}e${exponentText(exponent)}`;
  }
}

function withoutZeros(text: string): string {
  return text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
}

/** An int's absolute value in a base, by its letter: d, i, u, x, X, o, b. */
export function intDigits(value: bigint, type: string, isAlternate: boolean): string {
  const size = value < 0n ? -value : value;
  const bases: Readonly<Record<string, number>> = { x: 16, X: 16, o: 8, b: 2 };
  const base = bases[type];
  if (base === undefined) return size.toString();
  const digits = size.toString(base);
  const prefix = isAlternate ? `0${type.toLowerCase()}` : "";
  return type === "X" ? (prefix + digits).toUpperCase() : prefix + digits;
}
