import { deepEqual, throws } from "node:assert/strict";
import { ReplyCount, VERDICT_FORMS } from "../../../core/label/reply_count.ts";

const countOf = (total: number, maxInvalid: number): ReplyCount =>
  new ReplyCount({ name: "llm", form: VERDICT_FORMS.score, total, maxInvalid });

Deno.test("ReplyCount says how many replies of how many are unreadable", () => {
  throws(() => countOf(1, 0).add("x"), /^UserError: Cannot label with judge llm: the only reply holds no verdict, /);
  throws(() => countOf(4, 0).add("x"), /: the first of 4 replies holds no verdict, expected \{"score": 1 to 10\} in /);
  const half = countOf(4, 0.5);
  for (const reply of ["x", '{"score": 3}', "y"]) half.add(reply);
  deepEqual(half.notes(), ['Judge llm: 2 of 3 replies hold no verdict, such as "x"']);
  throws(() => half.add("z"), /: 3 of 4 replies hold no verdict, .* but 50 % .*\n"x"\n"y"\n"z"$/);
  const early = countOf(9, 0.2);
  early.add("x");
  throws(() => early.add("y"), /: 2 of the first 2 replies \(9 in all\) hold no verdict, /);
  const one = countOf(2, 0.5);
  for (const reply of ['{"score": 3}', "y"]) one.add(reply);
  deepEqual(one.notes(), ['Judge llm: 1 of 2 replies holds no verdict, such as "y"']);
});
