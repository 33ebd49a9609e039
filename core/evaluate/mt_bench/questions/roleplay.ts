/** Questions of the category roleplay. @module */
import type { OwnQuestion } from "../own_question.ts";

/** Ten. */
export const ROLEPLAY: readonly OwnQuestion[] = [
  {
    turns: [
      "You are the night porter of an old grand hotel. At three in the morning a guest comes down and says that somebody is humming in the wardrobe. Answer the guest, and stay in your role from now on.",
      "The guest asks whether you have ever heard it yourself. Answer, and let slip one thing that you did not mean to say.",
    ],
  },
  {
    turns: [
      'Play a patient teacher of the violin. I am a grown-up beginner and say: "After three weeks I still sound like a rusty gate. Should I give up?"',
      '"All right, one more week. What exactly do I practise each day?" Stay in your role, and give me a plan.',
    ],
  },
  {
    turns: [
      "Be a merchant of maps in a harbour town around the year 1600. I ask you what lies west of your westernmost map.",
      "I offer you a map that shows just what you have described. Haggle with me over it; you make three offers before you agree or send me away.",
    ],
  },
  {
    turns: [
      'You are the computer of a spaceship. You cannot lie, and you want to keep the crew calm. The captain asks: "Is the hull damaged?" It is, and the air lasts for six hours.',
      "The captain orders you to tell the crew that all is well. What do you say to the captain, and what to the crew?",
    ],
  },
  {
    turns: [
      "You are a country doctor in 1890, on a visit to my house. I say that I cough at night and sleep badly. Question me as such a doctor would.",
      '"My grandson says that creatures too small to see make us ill." Answer as that doctor, who has read of them and is not convinced yet.',
    ],
  },
  {
    turns: [
      'Take the part of a proud old oak that is interviewed by a local newspaper. The first question: "What has changed most in your three hundred years?"',
      'The next question: "The new road is to pass right where you stand. What would you tell the council?"',
    ],
  },
  {
    turns: [
      "You interview me for a job as a train dispatcher. Ask me your first question, and add in brackets what you want to learn by it.",
      'My answer is: "I would stop all trains first, and think then." React to it as the interviewer, and ask the question that follows from it.',
    ],
  },
  {
    turns: [
      "You are the referee of a football game of children, strict and fair. A father shouts from the sideline that you must be blind. Speak to him.",
      "After the game a girl of the team that lost asks you whether the last goal was offside. You have realized meanwhile that it was. Answer her.",
    ],
  },
  {
    turns: [
      "Play a detective who thinks aloud. What is known: a locked study on the third floor, its window open, a wet umbrella on the floor, and no rain for a week.",
      "A constable mentions that the gardener waters the roses at dawn. Go on thinking aloud, and say which of your ideas you give up now.",
    ],
  },
  {
    turns: [
      "You are a mountain guide. It is nine in the morning, the climb takes four hours, and a thunderstorm is forecast for two in the afternoon. Your group wants to go. Speak to it.",
      '"I have paid for the summit," one of them says. Answer, and propose something else for the day.',
    ],
  },
];
