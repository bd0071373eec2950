import type { ReactNode } from 'react';
import type { Entry } from './catalogue.ts';

type CheckboxesProps = {
  legend: string;
  entries: readonly Entry[];
  /** May contain ids of other groups, which are kept. */
  chosen: readonly string[];
  onChoose: (ids: readonly string[]) => void;
  blamed: ReadonlySet<string>;
  problemId: string;
  children?: ReactNode;
};

export function Checkboxes({
  legend,
  entries,
  chosen,
  onChoose,
  blamed,
  problemId,
  children,
}: CheckboxesProps) {
  const own = entries.map(({ id }) => id);
  const others = chosen.filter((id) => !own.includes(id));
  const choose = (id: string, isChosen: boolean) =>
    onChoose(isChosen ? [...chosen, id] : chosen.filter((other) => other !== id));
  return (
    <fieldset>
      <legend>{legend}</legend>
      <p className="choices">
        <button type="button" onClick={() => onChoose([...others, ...own])}>
          All<span className="unseen"> {legend}</span>
        </button>
        <button type="button" onClick={() => onChoose(others)}>
          None<span className="unseen"> of {legend}</span>
        </button>
      </p>
      <div className="checkboxes">
        {entries.map(({ id, name }) => (
          <label key={id}>
            <input
              type="checkbox"
              checked={chosen.includes(id)}
              onChange={({ target }) => choose(id, target.checked)}
              aria-invalid={blamed.has(id)}
              aria-describedby={blamed.has(id) ? problemId : undefined}
            />
            {name}
          </label>
        ))}
      </div>
      {children}
    </fieldset>
  );
}
