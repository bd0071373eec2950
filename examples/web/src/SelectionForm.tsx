import { type ChangeEvent, useState } from 'react';
import { Checkboxes } from './Checkboxes.tsx';
import { entitlements, failingCustomers, ordinaryCustomers } from './catalogue.ts';
import type { Selection } from './selection.ts';
import type { Row } from './totals.ts';
import { firstDay, isDay, lastDay, timeZoneName } from './window.ts';
import { type Argument, wordsOfArgument } from './words.ts';

type Blamed = ReadonlyMap<Argument, readonly Row[]>;
type FormProps = { selection: Selection; change: (part: Partial<Selection>) => void; blamed: Blamed };

export function SelectionForm({ selection, change, blamed }: FormProps) {
  const { customerIds, entitlementIds, from, to } = selection;
  const customers = {
    chosen: customerIds,
    onChoose: (ids: readonly string[]) => change({ customerIds: ids }),
    blamed: new Set(blamed.get('customerId')?.map(({ request }) => request.customerId)),
    problemId: 'customerId-problem',
  };
  return (
    <form aria-label="What to show" onSubmit={(event) => event.preventDefault()}>
      <fieldset>
        <legend>Window</legend>
        <DayField
          label="From"
          argument="startDate"
          day={from}
          change={(day) => change({ from: day })}
          blamed={blamed}
        />
        <DayField
          label="To"
          argument="endDate"
          day={to}
          change={(day) => change({ to: day })}
          blamed={blamed}
        />
        <p className="hint">
          Both days included, either may be left out. They begin and end in your time zone,{' '}
          <b>{timeZoneName()}</b>.
        </p>
      </fieldset>
      <Checkboxes
        legend="Entitlements"
        entries={entitlements}
        chosen={entitlementIds}
        onChoose={(ids) => change({ entitlementIds: ids })}
        blamed={new Set(blamed.get('entitlementId')?.map(({ request }) => request.entitlementId))}
        problemId="entitlementId-problem"
      >
        <Problem argument="entitlementId" blamed={blamed} />
      </Checkboxes>
      <Checkboxes legend="Customers" entries={ordinaryCustomers} {...customers}>
        <Problem argument="customerId" blamed={blamed} />
      </Checkboxes>
      <Checkboxes legend="Customers that go wrong" entries={failingCustomers} {...customers} />
    </form>
  );
}

type DayFieldProps = {
  label: string;
  argument: Argument;
  day: string | undefined;
  change: (day: string | undefined) => void;
  blamed: Blamed;
};

/** Reports a change only when the input is a valid day or empty. Until then it shows a problem. */
function DayField({ label, argument, day, change, blamed }: DayFieldProps) {
  const [isOdd, setIsOdd] = useState(false);
  const isBlamed = isOdd || blamed.has(argument);
  function onChange({ target: { value, validity } }: ChangeEvent<HTMLInputElement>) {
    const isGood = value === '' ? !validity.badInput : isDay(value);
    setIsOdd(!isGood);
    if (isGood) change(value || undefined);
  }
  return (
    <div className="field">
      <label htmlFor={argument}>{label}</label>
      <input
        id={argument}
        type="date"
        min={firstDay}
        max={lastDay}
        defaultValue={day}
        onChange={onChange}
        aria-invalid={isBlamed}
        aria-describedby={isBlamed ? `${argument}-problem` : undefined}
      />
      {isOdd ? (
        <p className="problem" id={`${argument}-problem`}>
          Not a day from 2000 to 2037. The numbers are of the days that were chosen before.
        </p>
      ) : (
        <Problem argument={argument} blamed={blamed} />
      )}
    </div>
  );
}

function Problem({ argument, blamed }: { argument: Argument; blamed: Blamed }) {
  const count = blamed.get(argument)?.length ?? 0;
  if (count === 0) return null;
  return (
    <p className="problem" id={`${argument}-problem`}>
      {wordsOfArgument[argument]} for {count} {count === 1 ? 'total' : 'totals'}.
    </p>
  );
}
