// One notice at a time: what is wrong, in words, with the next steps as buttons.

import { byId, create } from "./dom";
import { STEP_LABELS, describe, type Problem, type Step } from "./problem";

export class NoticeView {
  private readonly box = byId("notice", HTMLElement);
  private readonly title = byId("notice-title", HTMLElement);
  private readonly text = byId("notice-text", HTMLElement);
  private readonly steps = byId("notice-steps", HTMLElement);
  /** The kind of problem shown, or null. */
  shown: Problem["kind"] | null = null;

  constructor(private readonly take: (step: Step) => void) {
    byId("notice-close", HTMLButtonElement).onclick = () => this.clear();
  }

  show(problem: Problem): void {
    const words = describe(problem, location.origin);
    this.shown = problem.kind;
    this.box.dataset["kind"] = problem.kind;
    this.box.classList.toggle("calm", words.calm === true);
    this.title.textContent = words.title;
    this.text.textContent = words.text;
    this.steps.replaceChildren(
      ...words.steps.map((step) => {
        const button = create("button", "step", STEP_LABELS[step]);
        button.type = "button";
        button.dataset["testid"] = `step-${step}`;
        button.onclick = () => {
          this.clear();
          this.take(step);
        };
        return button;
      }),
    );
    this.box.hidden = false;
  }

  clear(): void {
    this.shown = null;
    this.box.hidden = true;
  }
}
