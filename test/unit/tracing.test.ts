import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { noSpan, propagatingTracing } from '../../src/telemetry/tracing.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const spanId = 'b7ad6b7169203331';
const plain = `00-${traceId}-${spanId}-01`;

const hex = (length: number) =>
  fc
    .array(fc.constantFrom(...'0123456789abcdef'), { minLength: length, maxLength: length })
    .map((digits) => digits.join(''));
const id = (length: number) => hex(length).filter((text) => !/^0+$/.test(text));

describe('the propagation of a traceparent', () => {
  it.each(['00', '01', '02', '03'])('sends version 00 with flags %s upstream unchanged', (flags) => {
    fc.assert(
      fc.property(id(32), id(16), (trace, span) => {
        const traceparent = `00-${trace}-${span}-${flags}`;
        const { traceId, toHeaders } = propagatingTracing.startOperation({ traceparent });
        expect({ traceId, headers: toHeaders() }).toEqual({ traceId: trace, headers: { traceparent } });
      }),
    );
  });

  it('sets flags to zero that the recommendation reserves', () => {
    fc.assert(
      fc.property(hex(2), (flags) => {
        const { toHeaders } = propagatingTracing.startOperation({
          traceparent: `00-${traceId}-${spanId}-${flags}`,
        });
        const known = Number.parseInt(flags, 16) & 3;
        expect(toHeaders()).toEqual({ traceparent: `00-${traceId}-${spanId}-0${known}` });
      }),
    );
  });

  it('sends a later version upstream as version 00 without its additional fields', () => {
    const version = hex(2).filter((text) => text !== '00' && text !== 'ff');
    fc.assert(
      fc.property(version, fc.constantFrom('', '-', '-what else', '-00-11'), (number, rest) => {
        const traceparent = `${number}-${traceId}-${spanId}-01${rest}`;
        expect(propagatingTracing.startOperation({ traceparent }).toHeaders()).toEqual({
          traceparent: plain,
        });
      }),
    );
  });

  it.each([
    ['is empty', ''],
    ['has a trace id of zeros', `00-${'0'.repeat(32)}-${spanId}-01`],
    ['has a span id of zeros', `00-${traceId}-${'0'.repeat(16)}-01`],
    ['has the invalid version ff', `ff-${traceId}-${spanId}-01`],
    ['has upper-case letters', plain.toUpperCase()],
    ['has more fields than version 00', `${plain}-00`],
    ['continues without a dash', `01-${traceId}-${spanId}-01x`],
    ['was sent twice', `${plain}, ${plain}`],
  ])('ignores one that %s', (_, traceparent) => {
    expect(propagatingTracing.startOperation({ traceparent })).toBe(noSpan);
  });

  it('sends valid headers or none upstream for any headers of the caller', () => {
    const noise = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.tuple(fc.constant(plain), fc.nat(54), fc.string()).map(([text, at, change]) => {
        return text.slice(0, at) + change + text.slice(at + 1);
      }),
    );
    fc.assert(
      fc.property(noise, noise, (traceparent, tracestate) => {
        const headers = propagatingTracing.startOperation({ traceparent, tracestate }).toHeaders();
        expect(headers.traceparent ?? plain).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-0[0-3]$/);
        expect(headers.tracestate ?? 'a=1').toMatch(/^[\x20-\x7e]{1,512}$/);
      }),
    );
  });
});

describe('the propagation of a tracestate', () => {
  const propagate = (tracestate: string) =>
    propagatingTracing.startOperation({ traceparent: plain, tracestate }).toHeaders().tracestate;
  const members = (count: number) => Array.from({ length: count }, (_, n) => `a${n}=1`).join(',');

  it.each([
    ['vendor=1', 'vendor=1'],
    ['a=1, b@c=x y ,,d*/_-=%', 'a=1,b@c=x y,d*/_-=%'],
  ])('sends the members of %s upstream in their order', (tracestate, expected) => {
    expect(propagate(tracestate)).toBe(expected);
  });

  it.each([
    ['that is empty', ' , ', undefined],
    ['without a value', 'a=1,b', 'a=1'],
    ['whose value has an equals sign', 'a=1=2', undefined],
    ['whose key has upper-case letters', 'A=1,b=2', 'b=2'],
    ['with characters that no header may have', 'a=\u00e9', undefined],
    ['beyond the 32nd', members(33), members(32)],
    [
      'beyond 512 characters',
      `a=${'x'.repeat(250)},b=${'x'.repeat(250)},c=${'x'.repeat(20)}`,
      `a=${'x'.repeat(250)},b=${'x'.repeat(250)}`,
    ],
  ])('discards a member %s', (_, tracestate, expected) => {
    expect(propagate(tracestate)).toBe(expected);
  });

  it('discards the tracestate without a valid traceparent', () => {
    expect(propagatingTracing.startOperation({ tracestate: 'vendor=1' })).toBe(noSpan);
    expect(propagatingTracing.startOperation({ traceparent: 'x', tracestate: 'vendor=1' })).toBe(noSpan);
  });
});
