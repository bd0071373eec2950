const numbers = new Intl.NumberFormat(undefined, { maximumFractionDigits: 6 });

export function toQuantity(quantity: number | null): string {
  return quantity === null ? 'not stated' : numbers.format(quantity);
}

const units = [
  { name: 'd', seconds: 86_400 },
  { name: 'h', seconds: 3600 },
  { name: 'min', seconds: 60 },
];

/** Such as `12 s ago`. The age is at least 0, even if the local clock is behind that of the gateway. */
export function toAge(asOf: string, nowMs: number): string {
  const age = Math.max(0, Math.floor((nowMs - Date.parse(asOf)) / 1000));
  const unit = units.find(({ seconds }) => age >= 2 * seconds) ?? { name: 's', seconds: 1 };
  return `${Math.floor(age / unit.seconds)} ${unit.name} ago`;
}
