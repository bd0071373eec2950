import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { noSpan, parseTraceContext, passingTracing, toTraceHeaders } from '../../src/telemetry/tracing.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const spanId = 'b7ad6b7169203331';
const plain = `00-${traceId}-${spanId}-01`;

const hex = (length: number) =>
  fc
    .array(fc.constantFrom(...'0123456789abcdef'), { minLength: length, maxLength: length })
    .map((digits) => digits.join(''));
const id = (length: number) => hex(length).filter((text) => !/^0+$/.test(text));

describe('a traceparent', () => {
  it('of this version comes out as it went in', () => {
    fc.assert(
      fc.property(id(32), id(16), hex(2), (trace, span, flags) => {
        const traceparent = `00-${trace}-${span}-${flags}`;
        const context = parseTraceContext({ traceparent });
        expect(context).toEqual({
          traceId: trace,
          spanId: span,
          flags: Number.parseInt(flags, 16),
          tracestate: undefined,
        });
        expect(context && toTraceHeaders(context)).toEqual({ traceparent });
      }),
    );
  });

  it('of a later version is read as far as this one goes', () => {
    const version = hex(2).filter((text) => text !== '00' && text !== 'ff');
    fc.assert(
      fc.property(version, fc.constantFrom('', '-', '-what else', '-00-11'), (number, rest) => {
        const context = parseTraceContext({ traceparent: `${number}-${traceId}-${spanId}-01${rest}` });
        expect(context && toTraceHeaders(context)).toEqual({ traceparent: plain });
      }),
    );
  });

  it.each([
    ['is empty', ''],
    ['has a trace of zeros', `00-${'0'.repeat(32)}-${spanId}-01`],
    ['has a span of zeros', `00-${traceId}-${'0'.repeat(16)}-01`],
    ['has the version that there is not', `ff-${traceId}-${spanId}-01`],
    ['has capitals', plain.toUpperCase()],
    ['says more than its version knows', `${plain}-00`],
    ['goes on without a dash', `01-${traceId}-${spanId}-01x`],
    ['came twice', `${plain}, ${plain}`],
    ['has space around it', ` ${plain} `],
    ['has a line break', `${plain}\n`],
    ['has letters that no header has', `01-${traceId}-${spanId}-01-\u00e9`],
  ])('that %s is none', (_, traceparent) => {
    expect(parseTraceContext({ traceparent })).toBeUndefined();
  });

  it('is never anything but one, whatever came', () => {
    const noise = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.tuple(fc.constant(plain), fc.nat(54), fc.string()).map(([text, at, change]) => {
        return text.slice(0, at) + change + text.slice(at + 1);
      }),
    );
    fc.assert(
      fc.property(noise, noise, (traceparent, tracestate) => {
        const { headers } = passingTracing.startOperation({ traceparent, tracestate });
        expect(headers.traceparent ?? plain).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/);
        expect(headers.tracestate ?? '').toMatch(/^[\x20-\x7e]{0,512}$/);
      }),
    );
  });
});

describe('a tracestate', () => {
  const read = (tracestate: string, traceparent = plain) =>
    parseTraceContext({ traceparent, tracestate })?.tracestate;

  it.each([
    ['vendor=1', 'vendor=1'],
    ['a=1, b@c=x y ,,d*/_-=%', 'a=1,b@c=x y,d*/_-=%'],
  ])('%s is handed on', (given, expected) => {
    expect(read(given)).toBe(expected);
  });

  it.each([
    ['nothing', ' , '],
    ['a member without a value', 'a=1,b'],
    ['a value with an equals sign', 'a=1=2'],
    ['a key with capitals', 'A=1'],
    ['letters that no header has', 'a=\u00e9'],
    ['too many members', Array.from({ length: 33 }, (_, n) => `a${n}=1`).join(',')],
    ['too much', `a=${'x'.repeat(250)},b=${'x'.repeat(250)},c=${'x'.repeat(20)}`],
  ])('of %s is not', (_, tracestate) => {
    expect(read(tracestate)).toBeUndefined();
  });

  it('is nothing without a traceparent', () => {
    expect(passingTracing.startOperation({ tracestate: 'vendor=1' })).toBe(noSpan);
    expect(passingTracing.startOperation({ traceparent: 'x', tracestate: 'vendor=1' })).toBe(noSpan);
  });
});
