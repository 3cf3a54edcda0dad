// One notice at a time: what is wrong, in words, with the next steps as buttons.

import { isCalm, stepsOf, type Problem } from "../call/problem";
import { Icon } from "../ui/icons";
import { useWords } from "../words";
import { talk } from "./talk";

export function Notice({ problem }: { problem: Problem | null }) {
  const words = useWords();
  if (!problem) return null;
  const { title, text } = words.problem(problem, location.origin);
  return (
    <div className={isCalm(problem) ? "notice calm" : "notice"} data-testid="notice" data-kind={problem.kind} role="alert">
      <div>
        <strong>{title}</strong>
        <p>{text}</p>
      </div>
      <div className="notice-steps">
        {stepsOf(problem).map((step) => (
          <button key={step} type="button" className="step" data-testid={`step-${step}`} onClick={() => talk.take(step)}>
            {words.steps[step]}
          </button>
        ))}
      </div>
      <button type="button" className="plain close" aria-label={words.shell.dismiss} onClick={() => talk.dismiss()}>
        <Icon sign="close" />
      </button>
    </div>
  );
}
