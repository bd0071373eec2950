/**
 * An item of the form. The API of Zenskar lists neither customers nor entitlements, so a real page takes both from its own
 * database, a CRM, or another subgraph behind the same router.
 */
export type Entry = { id: string; name: string };

export const entitlements: readonly Entry[] = [
  { id: '3f2b8c1e-5d47-4a6f-9e0b-7c1d2a3b4c5d', name: 'API calls' },
  { id: '5b0d6f7a-2c19-4e83-8a54-1f6e0c9d3b27', name: 'Credits' },
  { id: '81c4e2d9-7f3a-4b60-9d18-e05a6b7c2f43', name: 'Reports' },
  { id: 'a67f1b30-94de-4c25-b7e1-3d8c5f024a96', name: 'Seats' },
  { id: 'd2e95c48-06ab-4f71-8c3d-b94f7e1a5062', name: 'Storage, GB' },
];

export const ordinaryCustomers: readonly Entry[] = Array.from('ABCDEFGHIJKLMNOPQRST', (letter, n) => ({
  id: `9a8b7c6d-1e2f-4a3b-8c4d-${(n + 1).toString(16).padStart(12, '0')}`,
  name: `Customer ${letter}`,
}));

/** The simulated Zenskar fails as the last digits of the id select. A real page has no such group. */
export const failingCustomers: readonly Entry[] = [
  { id: '00000000-0000-4000-8000-000000000422', name: 'Refused (422)' },
  { id: '00000000-0000-4000-8000-000000000404', name: 'Unknown (404)' },
  { id: '00000000-0000-4000-8000-000000000429', name: 'Too often (429)' },
  { id: '00000000-0000-4000-8000-000000000503', name: 'Unavailable (503)' },
  { id: '00000000-0000-4000-8000-000000009999', name: 'Never answers' },
  { id: '00000000-0000-4000-8000-000000000200', name: 'No quantity' },
];

export const customers: readonly Entry[] = [...ordinaryCustomers, ...failingCustomers];

const names = new Map([...customers, ...entitlements].map(({ id, name }) => [id, name]));

export function nameOf(id: string): string {
  return names.get(id) ?? id;
}
