/** Questions of the category humanities. @module */
import type { OwnQuestion } from "../own_question.ts";

/** Ten. */
export const HUMANITIES: readonly OwnQuestion[] = [
  {
    turns: [
      "How did the printing press change who could take part in the religious disputes of Europe in the sixteenth century?",
      "Compare it with one change of the media in our time, and name one respect in which the comparison fails.",
    ],
  },
  {
    turns: [
      "Explain the prisoner's dilemma, and name a situation in politics that looks like one and is none.",
      "What changes if the game is played again and again, with nobody knowing when it ends? Come back to the situation that you named.",
    ],
  },
  {
    turns: [
      "What is meant by the tragedy of the commons, and what has later research on shared pastures and fisheries objected to it?",
      "Write four rules for a village that shares one well, and justify each by that research.",
    ],
  },
  {
    turns: [
      "Explain the main causes of inflation to pupils of fifteen, in three paragraphs.",
      "Make a scene of about ten lines of it, in which the causes are persons who each deny their guilt.",
    ],
  },
  {
    turns: [
      "Compare how two epics of your choice, from different cultures, treat the return home.",
      "Which of the two would you give to somebody who has just moved to another country, and why?",
    ],
  },
  {
    turns: [
      "Should voting be compulsory? Give the strongest argument of each side, in a way that its own supporters would accept.",
      "Which assumption do both arguments share? Question it.",
    ],
  },
  {
    turns: [
      "Explain Kant's difference between acting from duty and acting in accordance with duty, by an example that is not his own.",
      "What would a utilitarian say of your example? Be fair to both.",
    ],
  },
  {
    turns: [
      "How did trade shape the cities on the coasts of the Indian Ocean between 1000 and 1500?",
      "Take one of these cities, and describe a morning in its harbour. Say after each detail on what kind of source it could rest.",
    ],
  },
  {
    turns: [
      "Why do languages borrow words, and why do some communities resist it? Give examples from three languages.",
      "A government wants to ban loanwords from official texts. Draft two objections from linguistics, and the best argument in favour.",
    ],
  },
  {
    turns: [
      "What makes a historical source reliable? Discuss it by the example of a private diary from a besieged town.",
      "The diary turns out to be a copy that the writer's son made thirty years later. What can it still show, and what not?",
    ],
  },
];
