import { useLayoutEffect, useRef } from 'react';
import type { Row } from './totals.ts';

type RetryButtonProps = {
  rows: readonly Row[];
  nowMs: number;
  retry: (rows: readonly Row[]) => void;
  /** What is tried again, after the words on the button. */
  suffix: string;
  isSuffixUnseen?: boolean;
};

/** Asks for these rows in one operation, once the last of them may be asked for again. */
export function RetryButton(props: RetryButtonProps) {
  return props.rows.length > 0 && <Button {...props} />;
}

function Button({ rows, nowMs, retry, suffix, isSuffixUnseen = false }: RetryButtonProps) {
  const button = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => handFocusOn(button.current), []);
  const readyAtMs = Math.max(...rows.map(({ failure }) => failure?.retryAtMs ?? 0));
  const seconds = Math.max(0, Math.ceil((readyAtMs - nowMs) / 1000));
  const isAsking = rows.some((row) => row.isAsking);
  const isDisabled = seconds > 0 || isAsking;
  return (
    // `disabled` would take the focus away from whoever has just pressed it.
    <button type="button" ref={button} aria-disabled={isDisabled} onClick={() => isDisabled || retry(rows)}>
      Try again
      <span className={isSuffixUnseen ? 'unseen' : undefined}>{suffix}</span>
      {isAsking ? ' …' : seconds > 0 && ` in ${seconds} s`}
    </button>
  );
}

/** A button that goes away as it did what it is for leaves whoever pressed it at the line that says so. */
function handFocusOn(button: HTMLButtonElement | null): () => void {
  return () => {
    if (document.activeElement === button) document.querySelector<HTMLElement>('[role=status]')?.focus();
  };
}
