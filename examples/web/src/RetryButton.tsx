import { useLayoutEffect, useRef } from 'react';
import type { Row } from './totals.ts';

type RetryButtonProps = {
  rows: readonly Row[];
  nowMs: number;
  retry: (rows: readonly Row[]) => void;
  /** Follows the text of the button and names what is retried. */
  suffix: string;
  isSuffixUnseen?: boolean;
};

/** Retries these rows in one operation, as soon as the last of them may be retried. */
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
    // `disabled` would remove the focus from the button that the user has just pressed.
    <button type="button" ref={button} aria-disabled={isDisabled} onClick={() => isDisabled || retry(rows)}>
      Try again
      <span className={isSuffixUnseen ? 'unseen' : undefined}>{suffix}</span>
      {isAsking ? ' …' : seconds > 0 && ` in ${seconds} s`}
    </button>
  );
}

/** Moves the focus to the status line when a focused button disappears after a successful retry. */
function handFocusOn(button: HTMLButtonElement | null): () => void {
  return () => {
    if (document.activeElement === button) document.querySelector<HTMLElement>('[role=status]')?.focus();
  };
}
