import { generateKeyPairSync, sign } from 'node:crypto';

type CertificateOptions = {
  /** The IPv4 address of the subject. */
  address?: string;
  notBefore?: Date;
  notAfter?: Date;
};

const dayMs = 86_400_000;

/**
 * A self-signed certificate and its key as PEM, by default valid from yesterday until tomorrow. It is encoded here
 * (RFC 5280, section 4.1), because Node cannot create certificates and OpenSSL is not installed everywhere.
 */
export function createCertificate({ address = '127.0.0.1', notBefore, notAfter }: CertificateOptions = {}) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const algorithm = element(0x30, identifier('2b6570'));
  const name = element(
    0x30,
    element(0x31, element(0x30, identifier('550403'), element(0x0c, Buffer.from('test')))),
  );
  const alternativeNames = element(0x30, element(0x87, Buffer.from(address.split('.').map(Number))));
  const extension = element(0x30, identifier('551d11'), element(0x04, alternativeNames));
  const toBeSigned = element(
    0x30,
    element(0xa0, element(0x02, Buffer.from([2]))),
    element(0x02, Buffer.from([1])),
    algorithm,
    name,
    element(
      0x30,
      time(notBefore ?? new Date(Date.now() - dayMs)),
      time(notAfter ?? new Date(Date.now() + dayMs)),
    ),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    element(0xa3, element(0x30, extension)),
  );
  const signature = element(0x03, Buffer.from([0]), sign(null, toBeSigned, privateKey));
  const certificate = element(0x30, toBeSigned, algorithm, signature).toString('base64');
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${certificate.replaceAll(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** One element of DER: its tag, its length and its content. */
function element(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const header = length < 128 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(header), content]);
}

function identifier(hex: string): Buffer {
  return element(0x06, Buffer.from(hex, 'hex'));
}

function time(date: Date): Buffer {
  const digits = date.toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  return element(0x17, Buffer.from(digits.slice(2)));
}
