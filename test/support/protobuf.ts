/** A message of the protobuf wire format: the values of each field by its number. */
export type Message = ReadonlyMap<number, readonly (bigint | Buffer)[]>;

/** Decodes without knowing the schema (https://protobuf.dev/programming-guides/encoding). */
export function decodeMessage(bytes: Buffer): Message {
  const fields = new Map<number, (bigint | Buffer)[]>();
  let at = 0;

  function readVarint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = BigInt(bytes.readUInt8(at));
      at += 1;
      value |= (byte & 0x7fn) << shift;
      if (byte < 0x80n) return value;
    }
  }

  function readBytes(length: number): Buffer {
    if (at + length > bytes.length) throw new Error('The message ends within a field.');
    at += length;
    return bytes.subarray(at - length, at);
  }

  function readValue(wireType: number): bigint | Buffer {
    if (wireType === 0) return readVarint();
    if (wireType === 1) return readBytes(8).readBigUInt64LE();
    if (wireType === 2) return readBytes(Number(readVarint()));
    if (wireType === 5) return BigInt(readBytes(4).readUInt32LE());
    throw new Error(`There is no wire type ${wireType}.`);
  }

  while (at < bytes.length) {
    const tag = Number(readVarint());
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), readValue(tag & 7)]);
  }
  return fields;
}

export function messagesAt(message: Message, field: number): Message[] {
  return (message.get(field) ?? []).map((value) => decodeMessage(value as Buffer));
}

export function bytesAt(message: Message, field: number): Buffer {
  return (message.get(field)?.[0] as Buffer | undefined) ?? Buffer.of();
}

export function numberAt(message: Message, field: number): bigint {
  return (message.get(field)?.[0] as bigint | undefined) ?? 0n;
}
