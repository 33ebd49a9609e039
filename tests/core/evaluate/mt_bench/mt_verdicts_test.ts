import { equal } from "node:assert/strict";
import { readChoice, readRating } from "../../../../core/evaluate/mt_bench/mt_verdicts.ts";

Deno.test("readRating() takes what stands in double brackets, and nothing else", () => {
  for (
    const [reply, rating] of [
      ["Clear and right.\n[[7]]", 7],
      ["[[10]]", 10],
      ["[[1]] and nothing more", 1],
      ["Rating: [[6.5]]", 6.5],
      ["[[8]] ... so, again: [[8]]", 8],
      ["<think>[[2]]? no.</think>[[9]]", 9],
      ["[[3]] or [[4]]", null],
      ["[7]", null],
      ["[[rating]] 7", null],
      ["[[ 7 ]]", null],
      ["[[7/10]]", null],
      ["[[0]]", null],
      ["[[11]]", null],
      ["[[-3]]", null],
      ["7 of 10", null],
      ['{"score": 7}', null],
      ["<think>[[2]]", null],
      ["", null],
    ] as const
  ) equal(readRating(reply), rating, reply);
});

Deno.test("readChoice() takes A, B or C in double brackets, and nothing else", () => {
  for (
    const [reply, choice] of [
      ["A says more. [[A]]", "A"],
      ["[[B]]", "B"],
      ["[[C]]", "C"],
      ["[[A]] is what I would say, but then: [[B]]", null],
      ["[[tie]]", null],
      ["[A]", null],
      ["A", null],
    ] as const
  ) equal(readChoice(reply), choice, reply);
});
