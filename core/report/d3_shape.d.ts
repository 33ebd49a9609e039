/** Types of the parts of d3-shape that are used; the package comes without types. @module */

/** Turns data into the `d` of an SVG path; a setter returns it. */
export interface Line<Datum> {
  (data: readonly Datum[]): string | null;
  x(x: (datum: Datum) => number): this;
  y(y: (datum: Datum) => number): this;
}
/** A generator of straight lines. */
export function line<Datum>(): Line<Datum>;
