/** Questions of the category coding, with right answers. @module */
import type { OwnQuestion } from "../own_question.ts";

/** Ten. */
export const CODING: readonly OwnQuestion[] = [
  {
    turns: [
      'Write a Python function runs(text) that returns the longest runs of equal characters as pairs of a character and a length: runs("aab") is [("a", 2), ("b", 1)].',
      "Write its inverse, unrun(pairs). For which lists of pairs does runs(unrun(pairs)) give another list?",
    ],
    references: [
      "from itertools import groupby\ndef runs(text):\n    return [(c, len(list(group))) for c, group in groupby(text)]",
      'def unrun(pairs):\n    return "".join(c * n for c, n in pairs)\nAnother list comes where two neighbours have the same character, where a length is below 1, and where a "character" has more than one.',
    ],
  },
  {
    turns: [
      "Write a Python function that takes intervals as pairs (start, end) in any order, and returns them merged where they overlap or touch, sorted.",
      "Change it so that it returns only the whole length that is covered, without keeping a list of merged intervals.",
    ],
    references: [
      "Sort by the start; keep a current interval; a start that is at most the current end extends it to the larger end, otherwise the current one is put out and the next begins. The last one is put out too; an empty input gives []. O(n log n).",
      "As before, but where an interval is put out its end - start is added to a sum. An empty input gives 0.",
    ],
  },
  {
    turns: [
      "This Python function works for lists and fails for generators: def mean(xs): return sum(xs) / len(xs) if xs else 0. Explain why, and mend it so that it reads its input once.",
      "Mend it further, so that it works for floats that are so large that their sum would overflow, though their mean would not.",
    ],
    references: [
      "A generator is true even if it is empty, and has no len(): TypeError. Count while summing: total, n = 0, 0; for x in xs: total += x; n += 1; return total / n if n else 0.",
      "For example a running mean in which no term overflows: m += x / n - m / n for the n-th x. (m += (x - m) / n may overflow in x - m where signs differ. Scaling, fractions.Fraction or similar are right too.)",
    ],
  },
  {
    turns: [
      "Write a JavaScript function once(f) that returns a function which calls f at its first call alone, and returns that first result ever after.",
      "Let it work for an asynchronous f: calls during the first one share its promise, and if that fails, the next call tries again.",
    ],
    references: [
      "function once(f) { let done = false, value; return (...args) => { if (!done) { value = f(...args); done = true; } return value; }; }",
      "function once(f) { let promise = null; return (...args) => promise ??= Promise.resolve().then(() => f(...args)).catch((error) => { promise = null; throw error; }); }",
    ],
  },
  {
    turns: [
      "A table orders has the columns id, customer, total and day. Write an SQL query that gives each customer's largest order with its day; of several that are equally large, the earliest, and of those the one with the smallest id.",
      "Add a column with the share that this order has in the sum of all orders of the customer.",
    ],
    references: [
      "SELECT id, customer, total, day FROM (SELECT orders.*, ROW_NUMBER() OVER (PARTITION BY customer ORDER BY total DESC, day, id) AS place FROM orders) AS ranked WHERE place = 1",
      "In the inner query total * 1.0 / SUM(total) OVER (PARTITION BY customer) AS share, which the outer one selects. The window must not be filtered to the one row first.",
    ],
  },
  {
    turns: [
      "Write a function in a language of your choice which checks whether the brackets ()[]{} of a text are balanced. It returns -1 if they are, the index of the first closing bracket that is wrong, or the length of the text if one is still open at its end.",
      "Brackets between double quotes are to be ignored; within quotes a backslash takes the next character its meaning. Change the function.",
    ],
    references: [
      "A stack of opening brackets: an opening one is pushed; a closing one must match the one that is popped, otherwise (or if the stack is empty) its index is returned; at the end the length if the stack is not empty, else -1.",
      "A flag tells whether one is within quotes: there a backslash skips the next character, a double quote ends it, all else is ignored; outside, a double quote begins it. The rest stays.",
    ],
  },
  {
    turns: [
      'Write a C function that reverses the order of the words of a string in place: "one two three" becomes "three two one".',
      "What does your function do with several blanks in a row, with blanks at the ends, and with words in UTF-8? Change it where the result is wrong.",
    ],
    references: [
      "Reverse the whole string, then each word (between blanks) by itself, with two indices that move towards each other. No memory is allocated; the empty string is left alone.",
      "Runs of blanks stay as long as they are, in reversed order, and blanks at the front go to the end. UTF-8 is right: the bytes of each word are reversed twice, and a blank is no part of another character. (An answer that squeezes blanks may do so if it says it.)",
    ],
  },
  {
    turns: [
      "Write a Python function that takes a dictionary from each task to the tasks that it needs, and returns an order in which each task comes after all that it needs. If there is none, it raises ValueError with the tasks of one cycle.",
      "Change it to return a list of groups instead: all tasks of a group may run at the same time, and each is in the earliest group that it can be in.",
    ],
    references: [
      "A depth-first search with three states: a task that is met again while it is being visited closes a cycle, which is the part of the path from it on; a task is put out after all that it needs. Tasks that are only needed, and are no key, count as well.",
      "Kahn's method in rounds: the first group is what needs nothing; each next one what needs only tasks of earlier groups. If tasks are left and none is free, there is a cycle.",
    ],
  },
  {
    turns: [
      "What is the running time of this Python function, and how can it be made faster? def has_pair(xs, s): return any(xs[i] + xs[j] == s for i in range(len(xs)) for j in range(i))",
      "Now write a fast function that tells whether three numbers at different places of the list have the sum s.",
    ],
    references: [
      "Quadratic. With a set of what was seen it is linear on average: for each x, True if s - x is in the set, then x is added. x must be added after the check, as it may not be paired with itself.",
      "Quadratic: sort, and for each i move two indices from i + 1 and from the end towards each other; or for each i the pair's function on what stands after it, with s - xs[i].",
    ],
  },
  {
    turns: [
      "Write a class with the methods hit(t), which notes an event at time t in seconds, and count(t), which returns how many events were later than t - 60 and not later than t. Times never go back.",
      "There are thousands of events a second now, and memory is to be constant. Change the class, and say what is lost.",
    ],
    references: [
      "A queue of times: hit appends; count removes from the front while the first is <= t - 60, and returns the length. Each event is removed once, so that it is constant on average.",
      "Counts in about 60 buckets, one for each second, in a ring with the second that each stands for; a bucket of an older second is set to 0 when it is used again. What is lost is exactness: events within the oldest second are counted or left out together.",
    ],
  },
];
