/** Questions of the category math, with right answers. @module */
import type { OwnQuestion } from "../own_question.ts";

/** Ten. */
export const MATH: readonly OwnQuestion[] = [
  {
    turns: [
      "A goods train at a steady 20 metres a second takes 42 seconds to pass a signal. How long is the train?",
      "At the same speed, how long does it take from the moment its front reaches a bridge of 360 metres until its end has left it?",
    ],
    references: ["840 metres.", "(840 + 360) / 20 = 60 seconds."],
  },
  {
    turns: [
      "Solve the two equations 3x + 2y = 19 and x - y = 3.",
      "For which number c does the line x - y = c meet the first line on the x-axis?",
    ],
    references: ["x = 5, y = 2.", "On the x-axis y = 0 and x = 19/3, so that c = 19/3."],
  },
  {
    turns: [
      "How many numbers of three digits are divisible by 7 and not by 5?",
      "What is the sum of these numbers?",
    ],
    references: [
      "128 are divisible by 7, of which 26 by 35 too: 102.",
      "70336 - 14105 = 56231.",
    ],
  },
  {
    turns: [
      "A bag holds 4 red and 6 black balls. Two are drawn without putting the first one back. How probable is it that they differ in colour?",
      "You learn that at least one of the two is red. How probable is it now that both are?",
    ],
    references: ["2 · 4 · 6 / (10 · 9) = 8/15.", "(12/90) / (60/90) = 1/5."],
  },
  {
    turns: [
      "Find the local maxima and minima of f(x) = x³ - 6x² + 9x + 1.",
      "For which numbers k does f(x) = k have exactly three real solutions?",
    ],
    references: ["A maximum of 5 at x = 1, and a minimum of 1 at x = 3.", "For 1 < k < 5."],
  },
  {
    turns: [
      "The legs of a right triangle are 9 and 12. What is the radius of its inscribed circle?",
      "What is the radius of the circumscribed circle, and how far are the two centres apart?",
    ],
    references: [
      "(9 + 12 - 15) / 2 = 3.",
      "7.5; the distance is √(7.5 · (7.5 - 2 · 3)) = √11.25 = 3√5/2, about 3.354.",
    ],
  },
  {
    turns: [
      "A price is raised by 25 %, then lowered by 20 %, then raised by 10 %. By how much does it differ from the first price, in per cent?",
      "By how many per cent must the last price be lowered to be the first one again?",
    ],
    references: ["It is 10 % higher: 1.25 · 0.8 · 1.1 = 1.1.", "By 1/11 of it, about 9.09 %."],
  },
  {
    turns: [
      "What is the last digit of 7 to the power of 2026?",
      "What are its last two digits?",
    ],
    references: ["9: the last digits repeat after 4 powers, and 2026 leaves 2.", "49, as 7⁴ = 2401 ends in 01."],
  },
  {
    turns: [
      "Compute 1/(1·3) + 1/(3·5) + 1/(5·7) + … + 1/(99·101) as a fraction.",
      "To what does the sum tend if it goes on for ever, and after how many terms is it less than 1/1000 from that?",
    ],
    references: [
      "(1 - 1/101) / 2 = 50/101.",
      "To 1/2. After n terms 1/(2(2n + 1)) is missing, which is less than 1/1000 from n = 250 on.",
    ],
  },
  {
    turns: [
      "In how many ways can 8 equal coins be shared among three children, so that each child gets at least one?",
      "And if, besides, no child may get more than four?",
    ],
    references: ["7 over 2 = 21.", "21 - 3 · 3 = 12."],
  },
];
